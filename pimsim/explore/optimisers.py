"""Two optimisers that propose points of a space: NSGA-II (pymoo) and a tree-structured Parzen estimator (optuna).

Each is a generator: it yields codes (points x knobs) and is sent (objectives to minimise, whether each point is good).
Batches depend on the seed and on what was sent, and on nothing else: no clock, no number of workers.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any

import numpy as np

from pimsim.explore.sampling import sample
from pimsim.explore.space import Space

BAYES_BATCH = 8
_POPULATION = (8, 100)
_WORST = 1e300

Array = Any
Proposals = Generator[Array, tuple[Array, Array], None]


def nsga2(space: Space, objectives: int, budget: int, seed: int) -> Proposals:
    """Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002, over the numbers of values; the first generation is a Sobol
    sample that meets the constraints. Points that break one, or fail, rank behind all that do not."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.evaluator import Evaluator
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.problems.static import StaticProblem

    free = _free(space)
    low, high = _POPULATION
    size = max(low, min(high, budget // 10))
    first = sample(space, "sobol", size, seed)
    if len(first) < size or not free:
        yield first  # these are all points
        return
    upper = np.array([len(space.knobs[at].values) - 1 for at in free])
    problem = Problem(n_var=len(free), n_obj=objectives, n_ieq_constr=1, xl=0 * upper, xu=upper, vtype=int)
    algorithm = NSGA2(
        pop_size=size,
        sampling=first[:, free].astype(float),
        crossover=SBX(prob=0.9, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    algorithm.setup(problem, termination=NoTermination(), seed=seed, verbose=False)
    while (asked := algorithm.ask()) is not None and len(asked):  # no children: all have been parents already
        codes = first[:1].repeat(len(asked), axis=0)
        codes[:, free] = np.rint(asked.get("X").astype(float)).astype(np.int32)
        values, good = yield codes
        static = StaticProblem(problem, F=np.where(good[:, None], values, _WORST), G=np.where(good, -1.0, 1.0)[:, None])
        Evaluator().eval(static, asked)
        algorithm.tell(infills=asked)


def bayes(space: Space, objectives: int, budget: int, seed: int) -> Proposals:
    """Bergstra et al., NeurIPS 2011, in optuna's multivariate form, after a Sobol sample; knobs of words are
    categories."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    free = _free(space)
    starting = max(4, min(budget // 4, 10 * max(1, len(free))))
    first = sample(space, "sobol", starting, seed)
    if len(first) < starting or not free:
        yield first  # these are all points
        return
    distributions = {str(at): _distribution(optuna, space, at) for at in free}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=1)
        study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
    for row in first:
        study.enqueue_trial({str(at): int(row[at]) for at in free})
    batch = starting
    while True:
        trials = [study.ask(distributions) for _ in range(batch)]
        codes = first[:1].repeat(batch, axis=0)
        for at in free:
            codes[:, at] = [trial.params[str(at)] for trial in trials]
        values, good = yield codes
        for trial, value, fine in zip(trials, values, good, strict=True):
            trial.set_constraint("allowed, and computed", -1.0 if fine else 1.0)
            study.tell(trial, [float(one) for one in value] if fine else [_WORST] * objectives)
        batch = BAYES_BATCH


OPTIMISERS = {"nsga2": nsga2, "bayes": bayes}


def _free(space: Space) -> list[int]:
    """The knobs that can turn."""
    return [at for at, knob in enumerate(space.knobs) if len(knob.values) > 1]


def _distribution(optuna: Any, space: Space, at: int) -> Any:
    knob = space.knobs[at]
    if knob.kind == "text":
        return optuna.distributions.CategoricalDistribution(list(range(len(knob.values))))
    return optuna.distributions.IntDistribution(0, len(knob.values) - 1)
