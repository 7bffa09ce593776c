"""Our own generators, called as a peer is: `python ours.py FOLDER`, in the project's environment.

FOLDER is described in run.py. Codes become values inside their bins and the generator is given the
schema, as a user would: targets, subgroups and impossible combinations are public facts in it.
Defaults everywhere.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from dp_accounting import NoOpDpEvent

from generators.alone import fit_alone
from generators.registry import GENERATORS
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.schema.codec import Codec
from privacy.schema.schema import load_schema
from privacy.stored.rows import Rows


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    schema = load_schema(folder / "schema.yaml")
    codec, rng = Codec(schema), np.random.default_rng(task["seed"])
    train = pd.read_csv(folder / "train.csv")
    rows = Rows(codec.decode(train, rng), np.arange(len(train)))
    claim = Guarantee(**task["epsilon_delta"])
    start, processor = time.perf_counter(), time.process_time()
    wanted = GENERATORS[task["mechanism"]](**task["options"])
    generator = wanted.calibrate(claim, schema, NoOpDpEvent())
    with tempfile.TemporaryDirectory() as place:
        ledger_allows = Guarantee(1e3, 1e-3)
        model = fit_alone(
            generator, schema, rows, ledger_allows, Path(place), lambda what, share: None
        )
    fitted = time.perf_counter()
    synthetic = codec.encode(model.sample(len(train), rng))
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        "claimed_delta": claim.delta,
        "own_epsilon": round(spent([generator.event()], claim.delta).epsilon, 4),
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
