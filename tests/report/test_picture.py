"""Is the picture drawn from the same figures, whatever the names, and written whole?"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from pimsim.errors import InputError
from pimsim.report.charts import MOST_PARTS, OTHER, chart
from pimsim.report.plot import BARS, draw

HOSTILE = ("x[/foo]", "$\\frac$", "$\\frac{1}$ $x", "\x1b[31mred", "a\nb", "\\notacommand")


def test_bars_add_up_to_the_totals_even_when_some_are_put_together(make_result):
    result = make_result([f"n{i}" for i in range(200)])
    data = chart(result, 20)
    assert 15 < len(data.bars) <= 20
    assert [bar.label for bar in data.bars[-2:]] == ["shared", "idle"]
    assert sum(1 + int([*bar.label.split(" +"), "0"][1]) for bar in data.bars) == 150 + 2  # moves cost nothing
    assert sum(sum(bar.energy.values()) for bar in data.bars) == pytest.approx(result.totals["energy_pJ"])
    assert sum(sum(bar.area.values()) for bar in data.bars) == pytest.approx(result.totals["area_um2"])
    assert sum(bar.latency_ns for bar in data.bars) == pytest.approx(result.totals["latency_ns"])
    assert len(data.parts) == MOST_PARTS + 1
    assert data.parts[-1][0] == OTHER


def test_layers_keep_the_order_of_the_model(make_result):
    labels = [bar.label for bar in chart(make_result([f"n{i}" for i in range(40)]), 10).bars]
    places = [int(label[1:].split()[0]) for label in labels if label.startswith("n")]
    assert places == sorted(places)


@pytest.mark.parametrize("count", [0, 1, 6, 300])
def test_every_size_draws(make_result, count):
    names = [*HOSTILE, *(f"/features/block/conv_{i}" for i in range(300))][:count]
    figure = draw(make_result(names, model="$\\frac$", hardware="a$b$"))
    figure.canvas.draw()
    assert [panel.get_ylabel().split(" (")[0] for panel in figure.axes] == ["energy", "share of latency", "area"]
    assert len(figure.axes[1].patches) <= BARS
    assert "$\\frac$ on a$b$" in figure.get_suptitle()


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_are_written(make_result, tmp_path, ending, start):
    path = tmp_path / f"p.{ending}"
    figure = make_result(HOSTILE).plot(path)
    assert path.read_bytes().startswith(start)
    assert figure.axes
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_another_ending_is_refused(make_result, tmp_path):
    with pytest.raises(InputError, match=re.escape("p.jpg must end in .png, .svg or .pdf")):
        make_result().plot(tmp_path / "p.jpg")


def test_a_folder_that_is_not_there_is_refused_before_drawing(make_result, tmp_path):
    with pytest.raises(InputError, match="does not exist; create it first"):
        make_result().plot(tmp_path / "absent" / "p.png")


def test_pyplot_and_its_state_are_left_alone():
    code = (
        "import sys\nfrom matplotlib.figure import Figure\nimport pimsim.report.plot, pimsim.report.charts\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runs_of_steps_are_cut_evenly(make_result):
    result = make_result([f"n{i}" for i in range(2000)])
    bars = chart(result, 30).bars[:-2]
    shares = [
        max(
            sum(bar.energy.values()) / result.totals["energy_pJ"],
            bar.latency_ns / result.totals["latency_ns"],
            sum(bar.area.values()) / result.totals["area_um2"],
        )
        for bar in bars
    ]
    assert max(shares) < 0.2
