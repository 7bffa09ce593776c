"""How often does a 5 % test of a true null hypothesis reject, on one synthetic table and on several?

    python benchmarks/inference_type_one.py [--repeats 4000] [--output results/inference_type_one.json]

A population has an outcome (30 %) that does not depend on a group of three (50, 30, 20 %). A real sample
of n rows is drawn; its 2 × 3 table is released with two-sided geometric noise (ε, one row added or
removed), clipped at 0, and synthetic tables of n rows are drawn from it. The analyst takes the log odds
ratio of the last group against the first, with its textbook variance, and tests that it is 0. Releases
are compared at the same total ε:

- single: one table, its test as if it were real;
- draws: m tables of one noisy fit at ε;
- independent: m tables, each of a fit of its own at ε/m.

The last two are tested by every rule of ``evaluators.inference.combining``; ``real`` is the test on the real
rows. ``power`` is the share of rejections where the log odds ratio is really .5.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import norm

from evaluators.inference.combining import (
    Combined,
    fully_synthetic,
    independent_releases,
    same_model,
)

SIZES = (200, 1000)
RATE = 0.3
GROUPS = np.array([0.5, 0.3, 0.2])
EFFECT = 0.5
EPSILONS = (0.5, 1.0, 2.0, np.inf)
MANY = 5
RESULTS = Path(__file__).parent / "results" / "inference_type_one.json"

RULES: Mapping[str, Callable[[np.ndarray, np.ndarray], Combined]] = {
    "independent_releases": independent_releases,
    "fully_synthetic": fully_synthetic,
    "same_model": same_model,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = [
        {"rows": n, "epsilon": str(epsilon), **row}
        for n in SIZES
        for epsilon in EPSILONS
        for row in rejections(n, epsilon, options.repeats)
    ]
    options.output.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print("| rows | ε | release | rule | type I | power |\n|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(str(v) for v in row.values()) + " |")


def rejections(n: int, epsilon: float, repeats: int) -> list[dict[str, object]]:
    """The share of rejections of every way to release and to test, without and with an effect."""
    found: dict[tuple[str, str], list[float]] = {}
    for effect in (0.0, EFFECT):
        rng = np.random.default_rng([n, int(1000 * min(epsilon, 99)), int(10 * effect)])
        real = rng.multinomial(n, population(effect), size=repeats)
        estimates = {
            "real": [estimate(real)],
            "single": [estimate(table(noisy(real, epsilon, rng), n, rng))],
        }
        fit = noisy(real, epsilon, rng)
        estimates["draws"] = [estimate(table(fit, n, rng)) for _ in range(MANY)]
        estimates["independent"] = [
            estimate(table(noisy(real, epsilon / MANY, rng), n, rng)) for _ in range(MANY)
        ]
        for release, pairs in estimates.items():
            q, v = (np.array(values) for values in zip(*pairs, strict=True))
            if len(q) == 1:
                tests = {"naive": np.abs(q[0]) > norm.ppf(0.975) * np.sqrt(v[0])}
            else:
                tests = {name: rejected(rule(q, v)) for name, rule in RULES.items()}
            for rule, test in tests.items():
                found.setdefault((release, rule), []).append(round(float(test.mean()), 4))
    return [
        {"release": release, "rule": rule, "type_one": null, "power": power}
        for (release, rule), (null, power) in found.items()
    ]


def population(effect: float) -> np.ndarray:
    """Shares of the six cells; the log odds of the last group are ``effect`` higher."""
    odds = RATE / (1 - RATE) * np.exp([0, 0, effect])
    rate = odds / (1 + odds)
    return np.concatenate([GROUPS * rate, GROUPS * (1 - rate)])


def noisy(counts: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Counts with two-sided geometric noise, clipped at 0: a cell moves by one with one row."""
    if np.isinf(epsilon):
        return counts
    p = 1 - np.exp(-epsilon)
    noise = rng.geometric(p, counts.shape) - rng.geometric(p, counts.shape)
    return np.maximum(counts + noise, 0)


def table(counts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """A synthetic table of n rows for each row of counts."""
    shares = np.maximum(counts, 1e-9)
    return rng.multinomial(n, shares / shares.sum(axis=1, keepdims=True))


def estimate(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds ratio of the last group against the first, and its variance (½ added to each cell)."""
    k = len(GROUPS)
    cells = counts[:, [0, k - 1, k, 2 * k - 1]] + 0.5
    logs = np.log(cells)
    return logs[:, 1] - logs[:, 3] - logs[:, 0] + logs[:, 2], (1 / cells).sum(axis=1)


def rejected(combined: Combined) -> np.ndarray:
    return np.abs(combined.estimate) > combined.half_width()


if __name__ == "__main__":
    main()
