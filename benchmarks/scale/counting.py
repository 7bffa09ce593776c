"""How fast private codes are counted, beside a bare ``numpy.bincount``, DuckDB, and one table after the other.

    python benchmarks/scale/counting.py --rows 10000000 --columns 40

Codes of ``benchmarks/million_rows.py`` lie in files without a name, as those of a release do. ``bare`` is
``numpy.bincount`` over cell numbers that are there already: what counting a pair costs at least when nothing
has to be read or folded. ``tally`` is a pair as AIM measures it. ``products`` are all pairs at once, as AIM's
selections ask for them. ``duckdb`` groups the same codes by both columns, on one thread as all others. Each is
the median over so many pairs. One JSON line a run goes to results/scale_counting.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from generators.marginals.counting.coded import CodedRows
from generators.marginals.counting.counter import Counter
from generators.marginals.selecting.distances import Distances

sys.path.insert(0, str(Path(__file__).parents[1]))
from million_rows import table

RESULTS = Path(__file__).parents[1] / "results" / "scale_counting.jsonl"
PART = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        row = measured(options.rows, options.columns, options.pairs, Path(folder))
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


def measured(rows: int, columns: int, pairs: int, room: Path) -> dict[str, object]:
    domain, _ = table(1, columns, np.random.default_rng(0))
    parts = (
        table(min(PART, rows - start), columns, np.random.default_rng([start]))[1]
        for start in range(0, rows, PART)
    )
    count = Counter.gathered(domain, parts, room)
    some = [*combinations(domain, 2)]
    some = some[:: max(1, len(some) // pairs)][:pairs]
    tally = median(timed(partial(count.tally, r)) for r in some)
    bare = median(timed(partial(np.bincount, index(count, r))) for r in some)
    asked = duckdb.connect()
    asked.execute("SET threads = 1")
    asked.register("codes", pa.table({c: np.asarray(v) for c, v in count.rows.codes.items()}))
    grouped = median(timed(partial(grouped_by, asked, r)) for r in some)
    small = {c: size for c, size in domain.items() if size <= 8}
    few = Counter(small, CodedRows(small, {c: count.rows.codes[c] for c in small}, room=room))
    all_pairs = [*combinations(small, 2)]
    nobody = Counter.of(small, {c: np.zeros(0, dtype=int) for c in small})
    products = timed(partial(Distances.of(all_pairs), few, nobody, 1.0))
    return {
        "rows": rows,
        "columns": columns,
        "seconds_a_pair": {
            "bare": round(bare, 4),
            "tally": round(tally, 4),
            "duckdb": round(grouped, 4),
            "products": round(products / len(all_pairs), 4),
        },
        "pairs_in_products": len(all_pairs),
        "share_of_bare": round(bare / tally, 3),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {n: version(n) for n in ("numpy", "duckdb")},
    }


def grouped_by(asked: duckdb.DuckDBPyConnection, pair: tuple[str, ...]) -> pa.Table:
    """The counts of a pair as DuckDB gives them."""
    a, b = (f'"{c}"' for c in pair)
    return asked.sql(f"SELECT {a}, {b}, count(*) FROM codes GROUP BY {a}, {b}").to_arrow_table()


def index(count: Counter, pair: tuple[str, ...]) -> np.ndarray:
    """The number of each row's cell."""
    a, b = (np.asarray(count.rows.codes[c]).astype(np.intp) for c in pair)
    return a * count.domain[pair[1]] + b


def timed(do: Callable[[], object]) -> float:
    """Wall seconds; on one thread they are those of the processor."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
