# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy==2.2.6", "pandas==2.3.3", "scipy==1.15.3", "pyyaml==6.0.2"]
# ///
"""Private evolution of tables, after Tab-PE: `uv run --script private_evolution.py FOLDER`.

FOLDER is described in run.py. Written here after the paper (arXiv 2606.08259) and its examples, since that
package is on no index: candidates of each label are drawn uniformly; in every round each private row votes for
the nearest candidate with its label, votes are noised, and the best candidates are varied, less from round to
round. Numbers are as far apart as their codes, categories by a third where they differ. A row moves the votes
of a round by one: all rounds are one Gaussian mechanism, and labels are counted by another, both exactly
accounted. The examples take bounds, categories and the number of rows of each label from the private rows; here
the first two are public and the last is charged.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import brentq
from scipy.stats import norm

ROUNDS, EXPLORING = 20, 5
"""In the first rounds candidates are drawn by their votes and varied; then the best are kept, and varied."""
CANDIDATES, VARIATIONS = 1000, 3
FIRST, LAST, DECAY = 0.5, 0.01, 0.2
"""Share of a row that is varied in the first round and in the last, and the power by which it falls."""
CATEGORY = 1 / 3
LABELS = 0.02
"""Share of the budget for how many rows have each label."""
BLOCK = 4096


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train, rng = pd.read_csv(folder / "train.csv"), np.random.default_rng(task["seed"])
    target = yaml.safe_load((folder / "schema.yaml").read_text(encoding="utf-8"))["targets"][0]
    label = target.get("column") or target["event"]
    start, processor = time.perf_counter(), time.process_time()
    scale = 1 / mean_of_one_draw(**task["epsilon_delta"])
    table = Table(task["domain"], set(task["numbers"]), label, rng)
    labels = train[label].to_numpy()
    counted = np.bincount(labels, minlength=task["domain"][label])
    noisy = np.maximum(counted + rng.normal(0, scale / np.sqrt(LABELS), counted.size), 0)
    shares = noisy / noisy.sum() if noisy.any() else np.full(noisy.size, 1 / noisy.size)
    sigma = scale * np.sqrt(ROUNDS / (1 - LABELS))
    parts = []
    for value, share in enumerate(shares):
        rows = train.loc[labels == value, table.columns].to_numpy()
        found = table.evolve(rows, max(1, round(CANDIDATES * share)), sigma)
        drawn = found[rng.integers(0, len(found), round(len(train) * share))]
        parts.append(pd.DataFrame(drawn, columns=table.columns).assign(**{label: value}))
    synthetic = pd.concat(parts)[list(task["domain"])]
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(done - start, 1),
        "sample_seconds": 0.0,
        "processor_seconds": round(processor, 1),
        "claimed_delta": task["epsilon_delta"]["delta"],
        "own_epsilon": task["epsilon_delta"]["epsilon"],  # noise is calibrated beforehand
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def mean_of_one_draw(epsilon: float, delta: float) -> float:
    """The μ of a Gaussian mechanism of sensitivity 1 and scale 1/μ that is (ε, δ) (arXiv 1805.06530)."""

    def over(mu: float) -> float:
        return float(
            norm.cdf(mu / 2 - epsilon / mu)
            - np.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)
            - delta
        )

    return float(brentq(over, 1e-4, 20.0))


class Table:
    """The columns beside the label, and how rows of them are made, compared and varied."""

    def __init__(self, domain: dict[str, int], numbers: set[str], label: str, rng) -> None:
        self.columns = [c for c in domain if c != label]
        self.sizes = [domain[c] for c in self.columns]
        self.ordered = [c in numbers for c in self.columns]
        self.rng = rng

    def evolve(self, rows: np.ndarray, n: int, sigma: float) -> np.ndarray:
        """``n`` candidates for private rows of one label."""
        candidates = np.stack([self.rng.integers(0, s, n) for s in self.sizes], axis=1)
        places = self.embed(rows)
        for t in range(ROUNDS):
            votes = self.votes(places, candidates) + self.rng.normal(0, sigma, len(candidates))
            best = candidates[np.argsort(-votes)[:n]]
            rate = FIRST - (FIRST - LAST) * (t / ROUNDS) ** DECAY
            if t == ROUNDS - 1:
                return best
            if t < EXPLORING:
                weights = np.maximum(votes, 0) + 1e-9
                drawn = self.rng.choice(len(candidates), n, p=weights / weights.sum())
                candidates = self.vary(candidates[drawn], rate)
            else:
                varied = [self.vary(best, rate) for _ in range(VARIATIONS)]
                candidates = np.concatenate([*varied, best])
        return candidates

    def embed(self, rows: np.ndarray) -> np.ndarray:
        """Rows as points."""
        axes = []
        for i, (size, ordered) in enumerate(zip(self.sizes, self.ordered, strict=True)):
            if ordered:
                axes.append(rows[:, i : i + 1] / max(1, size - 1))
            else:
                axes.append(CATEGORY * np.eye(size)[rows[:, i]])
        return np.concatenate(axes, axis=1).astype(np.float32)

    def votes(self, places: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """How many private rows are nearest to each candidate."""
        points = self.embed(candidates)
        far, found = (points**2).sum(1), np.zeros(len(candidates))
        for i in range(0, len(places), BLOCK):
            nearest = (far - 2 * places[i : i + BLOCK] @ points.T).argmin(1)
            found += np.bincount(nearest, minlength=len(candidates))
        return found

    def vary(self, rows: np.ndarray, rate: float) -> np.ndarray:
        """Numbers move by up to ``rate`` of their range, categories are drawn anew that often."""
        varied = rows.copy()
        for i, (size, ordered) in enumerate(zip(self.sizes, self.ordered, strict=True)):
            if ordered:
                moved = rows[:, i] + self.rng.uniform(-rate, rate, len(rows)) * (size - 1)
                varied[:, i] = np.clip(np.round(moved), 0, size - 1)
            else:
                anew = self.rng.random(len(rows)) < rate
                varied[anew, i] = self.rng.integers(0, size, int(anew.sum()))
        return varied


if __name__ == "__main__":
    main(Path(sys.argv[1]))
