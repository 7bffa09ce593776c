"""How believable synthetic rows are on their original values: numbers, dates, relations, told from real ones.

    OMP_NUM_THREADS=1 python benchmarks/records.py DATA_DIR --code NAME --data adult --epsilon 1 3 --seeds 0
    python benchmarks/records.py --table

80 % of the people of a data set are train. A release measures the domain and fits AIM as ``understudy release``
does, and draws as many rows as there are train rows, which its rows are compared with; beside it,

- the bins alone: train rows as codes and back, with no noise but that in measured bins;
- fresh people: the 20 % that nobody has seen.

Beside what ``rows.figures`` and ``rows.telling`` say: the share of rows that break a relation which the real
rows keep, as the judge finds them. zero-inflated is made up by ``rows.made_up``.

One JSON line a run in results/records.jsonl; runs that stand there are not repeated. ``--code``: a name for the
code that released, so that what was before stands beside what is now.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harms.releases import fitted
from rows.figures import of_columns, summed_up
from rows.people import NAMES, People, parted
from rows.telling import auroc

from evaluators.original.relations import found
from evaluators.tables import Tables
from privacy.domain import map_undeclared
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema

RESULTS = Path(__file__).parent / "results" / "records.jsonl"
KEY = ("data", "epsilon", "seed", "code")

Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="DATA_DIR")
    parser.add_argument("--code", help="a name for the code that releases")
    parser.add_argument("--data", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 3.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    asked = parser.parse_args()
    if not asked.table:
        if asked.folder is None or asked.code is None:
            parser.error("name the folder of the data sets, and the code that releases by --code")
        for run in product(asked.data, asked.epsilon, asked.seeds, [asked.code]):
            if any(run == tuple(line[k] for k in KEY) for line in read(asked.results)):
                continue
            line = done(asked.folder, *run)
            asked.results.parent.mkdir(parents=True, exist_ok=True)
            with asked.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(as_row(line), flush=True)
    else:
        print(as_table(read(asked.results)))


def done(folder: Path, data: str, epsilon: float, seed: int, code: str) -> Line:
    """One release, compared with the rows that it is made of."""
    people = parted(folder, data, seed)
    rng = np.random.default_rng(seed)
    begun = time.process_time()
    model = fitted(people.train, people.schema, "aim", epsilon)
    fit = time.process_time() - begun
    release = model.sample(len(people.train.frame), rng)
    drawn = time.process_time() - begun - fit
    real, groups = people.train.frame, people.train.units
    people_so_far = int(groups.max()) + 1
    others = {
        "release": (release, people_so_far + np.arange(len(release))),
        "bins alone": (binned(real, model.schema, rng), groups),
        "fresh people": (people.fresh.frame, people_so_far + people.fresh.units),
    }
    tables: dict[str, Line] = {}
    for name, (frame, of) in others.items():
        columns = of_columns(people.schema, real, frame)
        tables[name] = {
            "auroc": auroc(people.schema, real, frame, (groups, of), seed),
            **summed_up(columns),
            **({"columns": columns} if name == "release" else {}),
        }
    return {
        "data": data,
        "epsilon": epsilon,
        "seed": seed,
        "code": code,
        "train": len(real),
        "fresh": len(people.fresh.frame),
        "tables": tables,
        "relations": broken(people, release, model.schema, seed),
        "seconds": {"fit": round(fit, 1), "draw": round(drawn, 1)},
    }


def binned(frame: pd.DataFrame, complete: Schema, rng: np.random.Generator) -> pd.DataFrame:
    """The rows as codes, and values drawn for the codes."""
    codec = RecordCodec(complete)
    return codec.decode(codec.encode(map_undeclared(frame, complete)), rng)


def broken(people: People, release: pd.DataFrame, complete: Schema, seed: int) -> Line:
    """The share of rows that break each relation that real rows keep, and that break any."""
    frames = [map_undeclared(rows.frame, complete) for rows in (people.train, people.fresh)]
    originals = {"train": people.train.frame, "holdout": people.fresh.frame}
    kept = found(Tables(*frames, release, complete, seed=seed, originals=originals))
    by_row = [np.logical_and(*relation.breaks("synthetic")) for relation in kept]
    shares = {r.says: round(float(rows.mean()), 4) for r, rows in zip(kept, by_row, strict=True)}
    return {"any": round(float(np.any(by_row, axis=0).mean()), 4) if kept else 0.0} | shares


def read(path: Path) -> list[Line]:
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()] if path.exists() else []


HEAD = (
    "data",
    "ε",
    "code",
    "AUROC: release, bins alone, fresh",
    "mean KS: release, bins alone, fresh",
    "worst KS",
    "mean, .9, .99 within .05",
    "worst mean",
    "worst spike",
    "worst heap",
    "decimals",
    "rows that break a relation",
    "CPU seconds",
)
NEAR = 0.05
"""Of an interquartile range: the aim for means and outer quantiles."""


def as_table(lines: list[Line]) -> str:
    """A row for each run, those of one data set together."""
    order = {name: i for i, name in enumerate(NAMES)}
    lines = sorted(lines, key=lambda x: (order[x["data"]], x["epsilon"], x["seed"]))
    return "\n".join([_row(HEAD), _row(["---"] * len(HEAD)), *map(as_row, lines)])


def as_row(line: Line) -> str:
    """A run in the table: its figures, and the columns that are worst."""
    tables = line["tables"]
    columns = tables["release"]["columns"]
    near = [sum(abs(c.get(k, np.inf)) <= NEAR for c in columns.values()) for k in CENTRE_AND_TAILS]
    return _row(
        [
            line["data"],
            f"{line['epsilon']:g}",
            line["code"],
            " ".join(_short(of["auroc"]) for of in tables.values()),
            " ".join(_short(of["ks"]["mean"]) for of in tables.values()),
            _worst({n: c["ks"] for n, c in columns.items()}, lambda v: -v),
            f"{' '.join(map(str, near))} of {len(columns)}",
            *(
                _worst({n: c[k] for n, c in columns.items() if k in c}, abs)
                for k in ("mean", "spikes", "heaps")
            ),
            _short(tables["release"].get("decimals", {}).get("mean")),
            f"{line['relations']['any']:.1%}",
            f"{sum(line['seconds'].values()):.0f}",
        ]
    )


CENTRE_AND_TAILS = ("mean", "q90", "q99")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _worst(by_column: dict[str, float], size: Callable[[float], float]) -> str:
    name = max(by_column, key=lambda n: size(by_column[n]), default=None)
    return "" if name is None else f"{_short(by_column[name])} {name}"


def _short(value: float | None) -> str:
    return "" if value is None else re.sub(r"^(-?)0\.", r"\1.", f"{value:.3f}")


if __name__ == "__main__":
    main()
