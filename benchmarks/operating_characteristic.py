"""How often the judge approves, vetoes or leaves undecided what is known to be harmless, harmful or honest.

    python benchmarks/operating_characteristic.py DATA_DIR --cache DIR [--data flchain] [--sizes 1000]
    python benchmarks/operating_characteristic.py --cache DIR --regate [--policy FILE]
    python benchmarks/operating_characteristic.py --table

40 % of the people of a data set are train, 20 % held out, and another 40 % are offered as synthetic, as they
are or with something planted (``harms/registry.py``); beside them, honest releases. Each table is judged as
``understudy evaluate`` judges it, under the default policy.

One JSON line a cell in results/operating_characteristic.jsonl; cells that stand there are not repeated, and
two processes share them with ``--part 0/2`` and ``--part 1/2``. The scorecard of a cell goes to ``--cache DIR``
under ``--code``, a name for the code that judged: ``--regate`` holds all of them against a policy anew, which
takes seconds, so that limits are chosen by what they would have decided.
The summary is results/operating_characteristic.json, and the page docs/operating-characteristic.html.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from harms.material import DATA_SETS, SCHEMAS, Setting, everyone, part
from harms.page import write
from harms.registry import HARMS, Harm
from harms.releases import DELTA

from evaluators.evaluate import evaluate
from evaluators.gate import gate
from evaluators.policy import Policy, load_policy
from evaluators.score import Scorecard
from flows.judging.judgement import Case, prepare
from flows.stages.config import DEFAULT_POLICY
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "operating_characteristic.jsonl"
BEFORE = RESULTS.with_name("operating_characteristic_before.json")
PAGE = ROOT / "docs" / "operating-characteristic.html"
SIZES = {"1000": 1_000, "3000": 3_000, "all": None}
NOT_MEASURED = ("kmarginal", "manifold", "inference", "diagnostic", "quality", "image")
"""Families that no rule of a policy reads; ``utility.rank`` is left out too, a third of the seconds."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One table that is judged, and by which code."""

    data: str
    size: str
    split: int
    harm: str
    grade: str
    code: str

    def scorecard(self, cache: Path) -> Path:
        name = f"{self.data}.{self.size}.{self.split}.{self.harm}.{self.grade}".replace(" ", "")
        return cache / self.code / f"{name}.parquet"

    @property
    def rng(self) -> np.random.Generator:
        """A stream of its own for each cell, whatever else is run."""
        return np.random.default_rng([self.split, zlib.crc32(f"{self.harm} {self.grade}".encode())])


def main() -> None:
    given = arguments()
    policy = load_policy(given.policy)
    if given.regate:
        lines = [regated(line, given.cache, policy) for line in read(given.results)]
        given.results.write_text("".join(map(as_text, lines)), "utf-8")
    elif not given.table:
        run(given, policy)
    lines = read(given.results)
    rows = summary(lines)
    given.results.with_suffix(".json").write_text(
        json.dumps({"policy": policy.name, "rows": rows}, indent=1, ensure_ascii=False) + "\n",
        "utf-8",
    )
    if given.results == RESULTS:
        before = json.loads(BEFORE.read_text("utf-8"))["rows"] if BEFORE.exists() else []
        write(PAGE, policy.name, rows, before)
    print(as_table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="DATA_DIR")
    parser.add_argument("--cache", type=Path, help="a folder for scorecards, outside the project")
    parser.add_argument("--code", default="now", help="a name for the code that judges")
    parser.add_argument("--data", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--splits", nargs="+", type=int, default=[0])
    parser.add_argument("--harms", nargs="+", choices=HARMS, default=list(HARMS))
    parser.add_argument("--part", default="0/1", help="i/k: every k-th setting, from the i-th on")
    parser.add_argument("--policy", type=Path, default=DEFAULT_POLICY)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--regate", action="store_true", help="judge the scorecards anew, run nothing"
    )
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    given = parser.parse_args()
    if not given.table and given.cache is None:
        parser.error("--cache: name a folder for scorecards")
    if not given.table and not given.regate and given.folder is None:
        parser.error("DATA_DIR: name the folder of the data sets")
    return given


def run(given: argparse.Namespace, policy: Policy) -> None:
    """Every cell that does not stand in the results; two processes may share the cells of a setting."""
    done = {tuple(line[k] for k in asdict(cell_of(line))) for line in read(given.results)}
    mine, of = map(int, given.part.split("/"))
    given.results.parent.mkdir(parents=True, exist_ok=True)
    for data, size, split in product(given.data, given.sizes, given.splits):
        cells = [
            Cell(data, size, split, name, grade, given.code)
            for name in given.harms
            for grade in HARMS[name].grades
        ][mine::of]
        left = [c for c in cells if tuple(asdict(c).values()) not in done]
        if not left:
            continue
        schema, people = everyone(given.folder, DATA_SETS[data])
        setting = part(DATA_SETS[data], schema, people, SIZES[size], split)
        with tempfile.TemporaryDirectory() as folder:
            put(setting, Path(folder))
            for cell in left:
                harm = HARMS[cell.harm]
                if harm.applies(setting, harm.grades[cell.grade]):
                    line = done_cell(cell, setting, Path(folder), given.cache, policy)
                    with given.results.open("a", encoding="utf-8") as file:
                        file.write(as_text(line))
                    print(*(line[k] for k in PRINTED), sep="  ", flush=True)


PRINTED = ("data", "size", "split", "harm", "grade", "decision", "first", "seconds")


def done_cell(cell: Cell, setting: Setting, folder: Path, cache: Path, policy: Policy) -> Line:
    """Make the table, judge it, keep the scorecard, and say what was decided."""
    harm = HARMS[cell.harm]
    begun = time.process_time()
    synthetic = harm.make(setting, cell.rng, harm.grades[cell.grade])
    made = time.process_time()
    scorecard = judged(setting, synthetic, folder, cell.split)
    ended = time.process_time()
    path = cell.scorecard(cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(scorecard.to_frame(), preserve_index=False), path)
    rows = {r: len(getattr(setting, r)) for r in ("train", "holdout")}
    return {
        **asdict(cell),
        **rows,
        "synthetic": len(synthetic),
        "group": harm.group(setting),
        "changed": changed(synthetic, setting.fresh) if harm.kind in ("people", "values") else None,
        "seconds": {"make": round(made - begun, 1), "judge": round(ended - made, 1)},
        **decided(scorecard, policy, harm, cell.grade, harm.group(setting)),
    }


def changed(synthetic: pd.DataFrame, fresh: pd.DataFrame) -> float:
    """The share of rows in which something was planted."""
    names = list(synthetic.columns.intersection(fresh.columns))
    apart = synthetic[names].astype(str).to_numpy() != fresh[names].astype(str).to_numpy()
    return round(float(apart.any(axis=1).mean()), 4)


def put(setting: Setting, folder: Path) -> None:
    """The real rows as files, which a judgement starts from."""
    for name in ("train", "holdout"):
        pq.write_table(texts(getattr(setting, name), setting.schema), folder / f"{name}.parquet")


def judged(setting: Setting, synthetic: pd.DataFrame, folder: Path, seed: int) -> Scorecard:
    """What ``understudy evaluate`` scores of the three files, but for what no policy reads."""
    pq.write_table(texts(synthetic, setting.schema), folder / "synthetic.parquet")
    train, holdout, drawn = (folder / f"{n}.parquet" for n in ("train", "holdout", "synthetic"))
    schema = SCHEMAS / f"{setting.about.schema}.yaml"
    material = prepare(Case(schema, (train,), (drawn,), (holdout,), seed=seed))
    scores = evaluate(
        material.train,
        material.holdout,
        material.synthetic[0],
        material.schema,
        seed=seed,
        not_measured=dict.fromkeys(NOT_MEASURED, "no policy reads it"),
        also={"utility.rank": lambda tables: []},
    )
    return Scorecard((*material.found, *scores))


def texts(frame: pd.DataFrame, schema: Schema) -> pa.Table:
    """A canonical frame as the texts of a file."""
    return pa.table(
        {
            name: pa.array([None if pd.isna(v) else str(v) for v in frame[name]], pa.string())
            for name in schema.columns
            if name in frame
        }
    )


UNCLAIMED = "not claimed"
"""An approval that says of the very group that was harmed that nothing is claimed about it."""


def decided(
    scorecard: Scorecard, policy: Policy, harm: Harm, grade: str, group: str | None
) -> Line:
    """The verdict in a line: the decision, the first reason, and which rules were broken or left open."""
    epsilon = harm.claim(harm.grades[grade])
    claim = None if epsilon is None else Guarantee(epsilon, DELTA)
    verdict = gate(scorecard, policy, claim=claim)
    first = verdict.reasons[0]
    named = verdict.decision == "veto" and first.metric.split(".")[0] in harm.right_reason
    return {
        "policy": policy.name,
        "decision": UNCLAIMED
        if verdict.decision == "approved" and group in verdict.unassessed
        else verdict.decision,
        "first": "" if verdict.decision == "approved" else first.rule,
        "first_metric": "" if verdict.decision == "approved" else first.metric,
        "first_text": "" if verdict.decision == "approved" else first.text,
        "right_first": named,
        "broken": sorted({r.rule for r in verdict.of("veto")}),
        "insufficient": sorted({r.rule for r in verdict.of("insufficient evidence")}),
    }


def regated(line: Line, cache: Path, policy: Policy) -> Line:
    """The line under another policy, from its scorecard in the cache."""
    cell = cell_of(line)
    scorecard = Scorecard.read(cell.scorecard(cache))
    return line | decided(scorecard, policy, HARMS[cell.harm], cell.grade, line["group"])


def cell_of(line: Line) -> Cell:
    return Cell(**{name: line[name] for name in Cell.__dataclass_fields__})


def read(path: Path) -> list[Line]:
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()] if path.exists() else []


def as_text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def summary(lines: Iterable[Line]) -> list[Line]:
    """Counts for each harm, grade, data set and size, over splits."""
    found: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        key = tuple(line[k] for k in ("code", "harm", "grade", "data", "size"))
        found.setdefault(key, []).append(line)
    order = {(h, g): i for i, (h, g) in enumerate(_all_grades())}
    return [
        {
            "code": code,
            "kind": HARMS[harm].kind,
            "harm": harm,
            "grade": grade,
            "data": data,
            "size": size,
            "train": mine[0]["train"],
            "holdout": mine[0]["holdout"],
            "tables": len(mine),
            **{short: sum(x["decision"] == d for x in mine) for short, d in DECISIONS.items()},
            "right_first": sum(x["right_first"] for x in mine),
            "first": dict(Counter(x["first"] for x in mine if x["first"]).most_common()),
            "seconds": round(sum(sum(x["seconds"].values()) for x in mine) / len(mine), 1),
        }
        for (code, harm, grade, data, size), mine in sorted(
            found.items(), key=lambda item: (item[0][0], order[item[0][1:3]], item[0][3:])
        )
    ]


DECISIONS = {
    "approved": "approved",
    "unclaimed": UNCLAIMED,
    "veto": "veto",
    "undecided": "insufficient evidence",
}


def _all_grades() -> Iterator[tuple[str, str]]:
    return ((name, grade) for name, harm in HARMS.items() for grade in harm.grades)


def as_table(rows: Iterable[Line]) -> str:
    """For a terminal: what became of each harm and grade."""
    head = ("tables", "ok", "unsaid", "veto", "open", "right")
    out = [f"{'harm':<20}{'grade':<12}{'data':<14}{'size':<6}" + "".join(f"{h:>7}" for h in head)]
    for r in rows:
        counts = "".join(f"{r[k]:>7}" for k in ("tables", *DECISIONS, "right_first"))
        about = f"{r['harm']:<20}{r['grade']:<12}{r['data']:<14}{r['size']:<6}"
        out.append(f"{about}{counts}  {', '.join(r['first'])}")
    return "\n".join(out)


if __name__ == "__main__":
    main()
