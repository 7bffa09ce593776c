"""One purchase, many models: what AIM's noisy marginals say of an outcome to models other than its own.

python benchmarks/purchase.py DATA_DIR --seeds 0 1 2 --purchases 0 1 2

Data, split and judges are those of adult_binned.py. AIM is run once a purchase (its noise cannot be seeded);
all models are fitted to the same noisy marginals and judged on as many rows as there are train rows:

- ``aim``: rows as the graphical model draws them; ``mixture``: of K products, and ``network``: softmax heads
  over an MLP of resampled noise (MargNet, arXiv 2511.13893), both by Adam on the weighted squared distance to
  all measured marginals; rows as each draws them;
- ``A+B``: rows of the graphical model whose outcome is drawn again, in balance, by the mean of P(outcome |
  the rest) of the models named; ``additive`` is a sum of effects (see ``purchased/additive.py``).

``own``: AUROC of that mean on the real test rows, no rows drawn. One JSON line a purchase is appended to
results/purchase.jsonl; purchases that stand there are not repeated. ``--table`` prints means.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import adult_binned
import numpy as np
import pandas as pd
from adult_binned import DELTA, ORDERED, TARGET
from purchased import outcomes as fits
from purchased.balance import LEAN
from purchased.products import models
from sklearn.metrics import roc_auc_score

from generators.marginals.counting.coded import Domain
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import Array
from generators.marginals.model import Result, spread, synthesize
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee

RESULTS = Path(__file__).parent / "results" / "purchase.jsonl"
FIGURES = ("auroc_xgb", "auroc_hist", "f1_xgb", "tvd2", "tvd3", "base_rate_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIR", nargs="?", default=Path())
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--purchases", type=int, nargs="+", default=[0])
    parser.add_argument("--products-and-networks", action="store_true", help="fit these as well")
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    options = parser.parse_args()
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    done = [json.loads(line) for line in lines]
    if options.table:
        print(table(done))
        return
    for purchase in options.purchases:
        for seed in options.seeds:
            run = {"epsilon": options.epsilon, "seed": seed, "purchase": purchase, "lean": LEAN}
            if any(run.items() <= row.items() for row in done):
                print(f"{run} stands in {RESULTS.name}")
                continue
            row = run | evaluate(options.data, options.epsilon, seed, options.products_and_networks)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row, indent=1))


def evaluate(data: Path, epsilon: float, seed: int, also: bool) -> dict[str, Any]:
    """One purchase: split, measure, fit all models, judge what each draws."""
    domain = json.loads((data / "adult-domain.json").read_text(encoding="utf-8"))
    people = pd.read_csv(data / "adult.csv.gz")
    order = np.random.default_rng(seed).permutation(len(people))
    split = int(0.8 * len(people))
    train, test = people.iloc[order[:split]], people.iloc[order[split:]]
    rho = zcdp_budget(Guarantee(epsilon=epsilon, delta=DELTA))
    start = time.perf_counter()
    found = adult_binned.run_mechanism("aim", Counter.of(domain, train), rho)
    measured = time.perf_counter()
    ordered = {c: domain[c] for c in ORDERED}
    (additive,) = fits.outcomes(found.model, found.measurements, ordered, [TARGET])
    seconds = {"aim": measured - start, "additive": time.perf_counter() - measured}
    first = synthesize(found.model, len(train), np.random.default_rng(seed))
    rows: dict[str, pd.DataFrame] = {"aim": pd.DataFrame(first)}
    small = found.model.compression
    codes = {c: small.groups[c][first[c]] for c in small.domain}
    unseen = {c: small.groups[c][test[c].to_numpy()] for c in small.domain}
    says: dict[str, tuple[Array, Array]] = {
        "aim": (_by_tree(found, codes), _by_tree(found, unseen)),
        "additive": (
            additive.chances(small.domain, codes),
            additive.chances(small.domain, unseen),
        ),
    }
    if also:
        for name, made in models(found).items():
            begun = time.perf_counter()
            made.fit(found)
            seconds[name] = time.perf_counter() - begun
            says[name] = made.chances(codes), made.chances(unseen)
            rng = np.random.default_rng(seed)
            drawn = made.draw(len(train), rng)
            rows[name] = pd.DataFrame({c: spread(drawn[c], small, c, rng) for c in small.domain})
    own = {name: _auroc(test, p) for name, (_, p) in says.items()}
    for names in _together([*says]):
        p, q = (np.mean([says[n][i] for n in names], axis=0) for i in (0, 1))
        own["+".join(names)] = _auroc(test, q)
        rng = np.random.default_rng(seed)
        with patch.object(fits, "chances", lambda *_, p=p: p):  # the mean of all, as if by one
            again = fits.redrawn(found.model, [_As(p)], first, rng)  # type: ignore[list-item]
        rows["+".join(names) + (" in balance" if len(names) == 1 else "")] = pd.DataFrame(again)
    return {
        "seconds": {name: round(s, 1) for name, s in seconds.items()},
        "own": own,
        "judged": {name: _judged(frame, train, test, domain) for name, frame in rows.items()},
    }


class _As:
    """A model of the outcome that says what it was given."""

    def __init__(self, p: Array) -> None:
        self.column, self.p, self.effects = TARGET, p, {}  # type: ignore[var-annotated]

    def chances(self, domain: Domain, rows: Any) -> Array:
        return self.p


def _by_tree(found: Result, rows: Mapping[str, Any]) -> Array:
    model = found.model
    return fits.chances(model.compression.domain, model.tree, model.marginals, rows, TARGET)


def _together(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each by itself, AIM's with each other, and all."""
    yield from ((n,) for n in names)
    yield from (("aim", n) for n in names[1:])
    if len(names) > 2:
        yield tuple(names)


def _auroc(test: pd.DataFrame, p: Array) -> float:
    return round(float(roc_auc_score(test[TARGET], p[:, 1])), 4)


def _judged(
    rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, domain: dict[str, int]
) -> dict[str, Any]:
    judge = adult_binned.judge(rows, test)
    return {
        **{k: judge[k] for k in FIGURES if k in judge},
        "tvd2": round(adult_binned.tvd(rows, train, domain, 2), 4),
        "tvd3": round(adult_binned.tvd(rows, train, domain, 3), 4),
        "base_rate_error": adult_binned.rates(rows, train)["base_rate_error"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line for each way, means over purchases; base-rate errors as mean sizes over races."""
    ways: dict[str, list[tuple[dict[str, Any], float | None]]] = {}
    for row in rows:
        for way, judged in row["judged"].items():
            own = row["own"].get(way.removesuffix(" in balance"))
            ways.setdefault(way, []).append((judged, own))
    lines = [
        "| rows | purchases | own AUROC | AUROC xgb | hist | F1 | TVD 2 / 3-way | base rates |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, found in ways.items():
        judged = [j for j, _ in found]
        cells = [_mean([j[k] for j in judged], 4) for k in ("auroc_xgb", "auroc_hist")]
        cells.append(_mean([j["f1_xgb"] for j in judged], 3))
        tvd = " / ".join(_mean([j[k] for j in judged], 4) for k in ("tvd2", "tvd3"))
        off = _mean([abs(e) for j in judged for e in j["base_rate_error"].values()], 4)
        own = [o for _, o in found if o is not None]
        shown = _mean(own, 4) if own else ""
        lines.append("| " + " | ".join([way, str(len(found)), shown, *cells, tvd, off]) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}".lstrip("0")


if __name__ == "__main__":
    main()
