"""What AIM counts of a table, in this process and on one and two workers of a Dask cluster on this machine.

    python benchmarks/scale/workers.py --rows 10000000 --columns 40

Codes are those of ``counting.py``. ``sending`` is what giving the workers their parts takes, once a release.
``counting`` is what follows: merging codes, every pair of columns by itself, then what one round of selections
asks for: how far all pairs and all triples with one column are off, and the parities of four and five columns
with it. Each worker is a process with one thread of linear algebra. Counts are compared
with those of this process. One JSON line a run goes to results/scale_workers.jsonl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from distributed import LocalCluster

from generators.marginals.counting.coded import CodedRows
from generators.marginals.counting.counter import Counter
from generators.marginals.counting.spread import spread, workers_at
from generators.marginals.selecting.distances import Distances
from generators.marginals.selecting.parities import Parities

sys.path.insert(0, str(Path(__file__).parents[1]))
from million_rows import table

RESULTS = Path(__file__).parents[1] / "results" / "scale_workers.jsonl"
PART = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    domain, _ = table(1, options.columns, np.random.default_rng(0))
    parts = (
        table(min(PART, options.rows - start), options.columns, np.random.default_rng([start]))[1]
        for start in range(0, options.rows, PART)
    )
    load, found, digests = os.getloadavg()[0], {}, set()
    with TemporaryDirectory() as folder:
        rows = CodedRows.gathered(domain, parts, Path(folder))
        for workers in (0, 1, 2):
            with cluster(workers) as address, workers_at(address):
                began = time.perf_counter()
                count = Counter(domain, spread(rows))
                sent = time.perf_counter()
                digests.add(digest(count))
                ended = time.perf_counter()
            found[workers] = {"sending": round(sent - began, 2), "counting": round(ended - sent, 2)}
    if len(digests) > 1:
        raise SystemExit("workers count otherwise than this process")
    seconds = {workers: each["counting"] for workers, each in found.items()}
    row = {
        "rows": options.rows,
        "columns": options.columns,
        "seconds": {"here" if w == 0 else f"{w} workers": each for w, each in found.items()},
        "two_over_one": round(seconds[1] / seconds[2], 2),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "versions": {n: version(n) for n in ("numpy", "distributed")},
    }
    with options.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row, indent=1))


@contextmanager
def cluster(workers: int) -> Iterator[str | None]:
    """So many workers here; the address of their scheduler, None where there are none."""
    if workers == 0:
        yield None
        return
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    given = {"n_workers": workers, "threads_per_worker": 1, "memory_limit": 0}
    with LocalCluster(**given, dashboard_address=":0", host="127.0.0.1") as made:
        yield made.scheduler_address


def digest(count: Counter) -> str:
    """Ask all that AIM asks of rows, and what was answered as one number."""
    sizes = {c: np.arange(size) // 2 for c, size in count.domain.items()}
    halved = {c: int(groups.max()) + 1 for c, groups in sizes.items()}
    merged = count.recode(halved, sizes)
    target, *others = halved
    pairs = [*combinations(halved, 2)]
    triples = [(target, *pair) for pair in combinations(others, 2)]
    nobody = Counter.of(halved, {c: np.zeros(0, dtype=int) for c in halved})
    parities = Parities.of((target,), {c: np.ones(size) for c, size in halved.items()}, {})
    count.ahead(pairs)
    said = [
        *(count(pair) for pair in pairs),
        Distances.of([*pairs, *triples])(merged, nobody, 1.0),
        parities.gaps(merged, nobody, 1.0),
    ]
    whole = hashlib.sha256()
    for counts in said:
        whole.update(counts.tobytes())
    return whole.hexdigest()


if __name__ == "__main__":
    main()
