"""Error and rank correlation of learned predictors on held-out points, and how they fall with the samples.

    python -m validation.predictor [--held-out 1000] [--samples 100 300 1000 3000] [--only SPACE ...]
        [--out validation/predictor]

Prints the table; writes `record.json` and `learning_curve.svg` into the folder. `--only`: the other spaces keep what
the folder's record says of them. Gradient-boosted trees of scikit-learn stand beside the network for comparison.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost import predictor

from .spaces import SPACES, Samples

Row = dict[str, Any]


def boosted(train: Samples, test: Samples, name: str) -> tuple[float, float]:
    """Error and tau of gradient-boosted trees on the logarithm of one figure."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(max_iter=200, random_state=0)
    trees.fit(train.features, np.log(train.figures[name]))
    guess = np.exp(trees.predict(test.features))
    return predictor.mape(guess, test.figures[name]), predictor.kendall_tau(guess, test.figures[name])


def first(samples: Samples, count: int, skip: int = 0) -> Samples:
    """`count` samples after the first `skip`."""
    part = slice(skip, skip + count)
    return Samples(samples.features[part], {name: values[part] for name, values in samples.figures.items()})


def rows(space: str, counts: Sequence[int], held_out: int, trees: bool = True) -> Iterator[Row]:
    """One row a number of samples and figure."""
    everything = SPACES[space](held_out + max(counts), np.random.default_rng(20))
    test = first(everything, held_out)
    for count in counts:
        train = first(everything, count, held_out)
        begun = time.perf_counter()
        fitted = predictor.fit(train.features, train.figures)
        took = time.perf_counter() - begun
        for name, (error, tau) in fitted.errors(test.features, test.figures).items():
            row: Row = {"space": space, "samples": count, "figure": name, "mape_percent": error, "kendall_tau": tau}
            if trees:
                row["trees_mape_percent"], row["trees_kendall_tau"] = boosted(train, test, name)
            yield row | {"fit_s": took}


def text(found: Sequence[Row]) -> str:
    """The rows as an aligned table."""
    lines = [f"{'space':20}{'samples':>8}  {'figure':11}{'MAPE %':>8}{'tau':>8}{'trees %':>9}{'tau':>8}{'fit s':>7}"]
    for r in found:
        own = f"{r['space']:20}{r['samples']:>8}  {r['figure']:11}{r['mape_percent']:8.2f}{r['kendall_tau']:8.3f}"
        lines.append(f"{own}{r['trees_mape_percent']:9.2f}{r['trees_kendall_tau']:8.3f}{r['fit_s']:7.1f}")
    return "\n".join(lines)


def draw(found: Sequence[Row], path: Path) -> None:
    """Learning curves: error over samples, one panel a space."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "predictor"
    names = list(dict.fromkeys(r["space"] for r in found))
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.4 * len(names), 3.0), squeeze=False)
    for axis, space in zip(axes[0], names, strict=True):
        mine = [r for r in found if r["space"] == space]
        for name in dict.fromkeys(r["figure"] for r in mine):
            curve = [r for r in mine if r["figure"] == name]
            x = [r["samples"] for r in curve]
            line = axis.loglog(x, [r["mape_percent"] for r in curve], marker="o", label=name)
            axis.loglog(x, [r["trees_mape_percent"] for r in curve], "--", color=line[0].get_color(), alpha=0.5)
        axis.set(title=space, xlabel="samples", ylabel="error (MAPE, %)")
        axis.legend(fontsize=7)
    figure.suptitle("Predictors on held-out points (dashed: gradient-boosted trees)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Run all spaces."""
    parser = argparse.ArgumentParser(prog="python -m validation.predictor", description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--only", nargs="+", choices=list(SPACES), default=list(SPACES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    found = [row for space in options.only for row in rows(space, sorted(options.samples), options.held_out)]
    print(text(found))
    path = options.out / "record.json"
    before = json.loads(path.read_text(encoding="utf-8")) if len(options.only) < len(SPACES) else []
    new = [{key: round(v, 4) if isinstance(v, float) else v for key, v in r.items() if key != "fit_s"} for r in found]
    record = sorted(
        [r for r in before if r["space"] not in options.only] + new, key=lambda r: list(SPACES).index(r["space"])
    )
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(record, options.out / "learning_curve.svg")


if __name__ == "__main__":
    main()
