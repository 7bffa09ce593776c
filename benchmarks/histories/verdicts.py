"""How often the rules of a policy about histories approve what is known to be harmless, or known to be spoilt.

    OMP_NUM_THREADS=1 python benchmarks/histories/verdicts.py
    OMP_NUM_THREADS=1 python benchmarks/histories/verdicts.py DATA_DIR --people framingham
    python benchmarks/histories/verdicts.py --table

Of 5,000 people 40 % are train, 20 % held out, and the last 40 % are offered as synthetic, as they are or with
something planted (``spoilt``). Made-up people are made anew for every repetition, so that the truth is known:
fresh people are of the same population. Those of Framingham are parted anew.

Only the rules about histories are asked, those on models and on attacks of whole histories among them; as these
cost two thirds of the time they are left out where a rule has vetoed, which no other can undo. Beside the
decision stands what the distances alone decide (``histories-alike``): a generator that keeps what is declared
does not break ``histories-whole``.

One JSON line a table in results/histories_verdicts.jsonl; lines that stand there are not repeated, and two
processes share them with ``--part 0/2`` and ``--part 1/2``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harms.page import clopper_pearson
from histories.long_form import texts
from histories.made import made
from histories.people import FILES, SCHEMAS, units_of
from histories.spoilt import OFFERED

from evaluators.evaluate import declared, guarded
from evaluators.gate import gate
from evaluators.histories.broken import broken
from evaluators.histories.learning import from_histories, of_patients
from evaluators.histories.scores import histories
from evaluators.policy import Policy, load_policy
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.verdict import Verdict
from evaluators.words import OF_HISTORIES
from flows.stages.config import DEFAULT_POLICY
from privacy.histories.tables import places
from privacy.people.order import in_order
from privacy.reading.conform import conform
from privacy.reading.read import read_any
from privacy.schema.schema import Schema, load_schema

RESULTS = Path(__file__).resolve().parents[1] / "results" / "histories_verdicts.jsonl"
MADE_UP, FRAMINGHAM = "made up", "framingham"
PATIENTS = 5_000
SHARES = (0.4, 0.2)
"""Of the people are train, and held out; the others are offered."""
ALIKE = "histories-alike"
FRESH = next(iter(OFFERED))
KEY = ("people", "offered", "repetition")
DECISIONS = ("approved", "veto", "insufficient evidence")
HEAD = (
    "offered as synthetic",
    "approved / vetoed / undecided",
    "share approved, 95 % interval",
    f"by `{ALIKE}` alone",
    "vetoed by, most often",
)

Line = dict[str, Any]
Metric = Callable[[Tables], list[Score]]


@dataclass(frozen=True, eq=False)
class Setting:
    """Three groups of one population: canonical frames with the unit's column."""

    schema: Schema
    train: pd.DataFrame
    holdout: pd.DataFrame
    fresh: pd.DataFrame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="DATA_DIR")
    parser.add_argument("--people", choices=(MADE_UP, FRAMINGHAM), default=MADE_UP)
    parser.add_argument("--offered", nargs="+", choices=list(OFFERED), default=list(OFFERED))
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--part", default="0/1", help="i/k: every k-th repetition, from the i-th")
    parser.add_argument("--policy", type=Path, default=DEFAULT_POLICY)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the tables and do nothing else")
    asked = parser.parse_args()
    if not asked.table:
        run(asked)
    lines = read(asked.results)
    for people in dict.fromkeys(line["people"] for line in lines):
        print(f"{people}\n\n{as_table([x for x in lines if x['people'] == people])}\n")


def run(asked: argparse.Namespace) -> None:
    """Every table that does not stand in the results."""
    policy = about_histories(load_policy(asked.policy))
    mine, of = map(int, asked.part.split("/"))
    for repetition in range(mine, asked.repetitions, of):
        done = {tuple(line[k] for k in KEY) for line in read(asked.results)}
        left = [o for o in asked.offered if (asked.people, o, repetition) not in done]
        if not left:
            continue
        setting = parted(asked.folder, asked.people, repetition)
        for offered in left:
            line = {"people": asked.people, "offered": offered, "repetition": repetition}
            line |= decided(setting, offered, repetition, policy)
            asked.results.parent.mkdir(parents=True, exist_ok=True)
            with asked.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def about_histories(policy: Policy) -> Policy:
    """The policy with its rules about histories alone."""
    kept = tuple(r for r in policy.rules if r.metric.startswith(OF_HISTORIES))
    return policy.model_copy(update={"rules": kept})


def parted(folder: Path | None, people: str, repetition: int, patients: int = PATIENTS) -> Setting:
    """The three groups; ``patients``: how many are made up. Raises ValueError: real ones need a folder."""
    if people == MADE_UP:
        schema = load_schema(SCHEMAS / "omop-visits.yaml")
        table = texts(made(patients, repetition))
    elif folder is None:
        raise ValueError(f"{people}: name the folder of the data sets")
    else:
        of, file = FILES[people]
        schema = load_schema(SCHEMAS / f"{of}.yaml")
        table = read_any(folder / file, schema.csv, tuple(schema.columns))
        table = table.select(list(schema.columns))
    frame, _ = conform(table, schema)
    unit = schema.unit
    assert unit is not None
    frame = frame.iloc[in_order(frame, schema, frame[unit].to_numpy())]
    frame = frame[[unit, *schema.informative]].reset_index(drop=True)
    units = units_of(frame, schema)
    # the first rows count, as in a release
    kept = places(units) <= schema.max_rows_per_unit
    frame, units = frame[kept], units[kept]
    number = int(units.max()) + 1
    edges = np.cumsum([int(share * number) for share in SHARES])
    sides = np.split(np.random.default_rng(repetition).permutation(number), edges)
    return Setting(schema, *(frame[np.isin(units, s)].reset_index(drop=True) for s in sides))


def decided(setting: Setting, offered: str, repetition: int, policy: Policy) -> Line:
    """What the rules decide of a table, and why; ``alike``: what ALIKE decides alone."""
    begun = time.process_time()
    rng = np.random.default_rng([repetition, zlib.crc32(offered.encode())])
    synthetic = OFFERED[offered](setting.fresh, setting.schema, rng)
    tables = Tables(setting.train, setting.holdout, synthetic, setting.schema, repetition)
    scores = scored(tables, {"declared": declared, "broken": broken, "histories": histories})
    kept = tuple(r for r in policy.rules if r.name == ALIKE)
    alike = gate(scores, policy.model_copy(update={"rules": kept}), "proved")
    verdict = gate(scores, policy, "proved")
    if learned := verdict.decision != "veto":
        dearer = {"learning": from_histories, "patients": of_patients}
        verdict = gate(Scorecard((*scores, *scored(tables, dearer))), policy, "proved")
    return {
        "decision": verdict.decision,
        "alike": alike.decision,
        "vetoed": told(verdict, "veto"),
        "open": told(verdict, "insufficient evidence"),
        "notes": len(verdict.of("note")),
        "learned": learned,
        "seconds": round(time.process_time() - begun, 2),
    }


def scored(tables: Tables, metrics: Mapping[str, Metric]) -> Scorecard:
    return Scorecard(tuple(s for n, metric in metrics.items() for s in guarded(n, metric, tables)))


def told(verdict: Verdict, outcome: str) -> list[str]:
    """Which figures of whom."""
    return sorted({f"{r.metric} {r.slice}" for r in verdict.reasons if r.outcome == outcome})


def read(path: Path) -> list[Line]:
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()] if path.exists() else []


def as_table(lines: Sequence[Line]) -> str:
    """Of one kind of people a row in Markdown for each thing that is offered."""
    rows = [HEAD, ["---"] * len(HEAD)]
    for offered in OFFERED:
        if mine := [line for line in lines if line["offered"] == offered]:
            rows.append(_row(offered, mine))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _row(offered: str, mine: Sequence[Line]) -> list[str]:
    counts, alike = (Counter(x[k] for x in mine) for k in ("decision", "alike"))
    low, high = clopper_pearson(counts["approved"], len(mine))
    why = Counter(metric for x in mine for metric in {v.split(" ")[0] for v in x["vetoed"]})
    often = ", ".join(
        f"{_short(metric)} {times}" for metric, times in sorted(why.items(), key=_often)[:3]
    )
    return [
        offered,
        f"{_counts(counts)} of {len(mine)}",
        f"{_share(low)} to {_share(high)}",
        _counts(alike),
        often,
    ]


def _share(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _counts(found: Counter[str]) -> str:
    return " / ".join(str(found[d]) for d in DECISIONS)


def _often(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _short(metric: str) -> str:
    return f"`{metric.removeprefix('histories.').removesuffix('_excess')}`"


if __name__ == "__main__":
    main()
