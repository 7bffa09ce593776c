"""Histories under privacy: releases with visits, beside rows as strangers, real rows shuffled, and real people.

    OMP_NUM_THREADS=1 python benchmarks/histories/compare.py DATA_DIR --code NAME --data framingham
    python benchmarks/histories/compare.py --table

80 % of the people of a data set are train, the others are tested on: of a table in the place of train
(``releases``) it is said how far its histories are from theirs (``figures``), and how well theirs is foreseen
by what was learnt from it (``task``). "Real" is train itself: what no release is expected to pass.

Each release is made in a process of its own, so that its peak memory is its own. One JSON line a table in
results/histories.jsonl; lines that stand there are not repeated. ``--code``: a name for the code that released,
so that what was before stands beside what is now.

Two other tools were to stand here, and have no line. dpsynth (google/dpsynth@cf8075f, ``dpsynth.relational``,
with mbi and dp_accounting from their repositories, Python 3.12) takes people and their rows as two tables.
Rows have no order there: a person is one wide record with a slot for each row. By its source, slots beyond
those that are measured are drawn from no measurement, so all were measured, which for Framingham makes 79
columns. Its MST at ε = 3 was stopped after 8 processor minutes as it comes (5,000 iterations of a fit), and
with 500 iterations after 6, at 13.5 GiB; no table came out. flexsynth (CRAN) needs R, which was not at hand.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from histories.figures import average, figures
from histories.page import REAL, as_row, as_table
from histories.people import NAMES, People, parted
from histories.releases import PRIVATE, SHUFFLED, WHO, Release, released
from histories.task import TASKS, auroc

RESULTS = Path(__file__).resolve().parents[1] / "results" / "histories.jsonl"
KEY = ("data", "seed", "who", "epsilon", "code")

Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="DATA_DIR")
    parser.add_argument("--code", help="a name for the code that releases")
    parser.add_argument("--data", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--who", nargs="+", choices=(REAL, *WHO), default=[REAL, *WHO])
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 3.0, 10.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    asked = parser.parse_args()
    if asked.table:
        print(as_table(read(asked.results)))
        return
    if asked.code is None:
        parser.error("name the code that releases by --code")
    for name, seed in product(asked.data, asked.seeds):
        known = [tuple(line[k] for k in KEY) for line in read(asked.results)]
        cells = [
            c for c in runs(name, seed, asked.who, asked.epsilon, asked.code) if c not in known
        ]
        if not cells:
            continue
        people = parted(asked.folder, name, seed)
        for cell in cells:
            line = done(people, *cell)
            asked.results.parent.mkdir(parents=True, exist_ok=True)
            with asked.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(as_row(line), flush=True)


def runs(
    data: str, seed: int, who: list[str], epsilons: list[float], code: str
) -> Iterator[tuple[str, int, str, float | None, str]]:
    """The cells that are asked for, in the order of ``KEY``; what has no ε goes by no code either."""
    for one in who:
        if one in PRIVATE:
            yield from ((data, seed, one, epsilon, code) for epsilon in epsilons)
        else:
            yield data, seed, one, None, ""


def done(
    people: People,
    data: str,
    seed: int,
    who: str,
    epsilon: float | None,
    code: str,
) -> Line:
    """One table, and what is said of it."""
    line: Line = {"data": data, "seed": seed, "who": who, "epsilon": epsilon, "code": code}
    frame = people.train
    if who == SHUFFLED:
        frame = released(people, who, 0.0, seed).frame
    elif who in PRIVATE:
        assert epsilon is not None
        release = apart(people, who, epsilon, seed)
        frame = release.frame
        line |= {
            "fit_seconds": release.fit_seconds,
            "draw_seconds": release.draw_seconds,
            "peak_mb": release.peak_mb,
            "cores": os.cpu_count(),
        }
    return line | {
        "rows": len(frame),
        "rows_each": average(people, frame),
        "figures": figures(people, frame, seed),
        "auroc": auroc(TASKS[data], people.schema, frame, people.test, seed),
    }


def apart(people: People, who: str, epsilon: float, seed: int) -> Release:
    """A release by a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(released, people, who, epsilon, seed).result()


def read(path: Path) -> list[Line]:
    return [json.loads(x) for x in path.read_text("utf-8").splitlines()] if path.exists() else []


if __name__ == "__main__":
    main()
