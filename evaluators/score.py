"""What a judgement is made of: one ``Score`` per figure, and the ``Scorecard`` that holds them all.

A score says on which rows it was computed, beside which baseline, for whom, how surely and who may
see it.
``visibility`` is "internal" unless the figure is free of real rows, or was charged to them: figures on
real rows that were not charged leak (ReconSyn) and stay in the house.

Privacy claim: none; a scorecard is internal as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

RealRows = Literal["holdout", "train", "train and holdout", "none"]
Status = Literal["ok", "insufficient evidence", "failed"]

MAIN = {
    "classification": "auroc",
    "multiclass": "accuracy",
    "regression": "r2",
    "survival": "c_index",
}
"""The metric that stands for each task."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One figure.

    ``value`` [``low``, ``high``]: the figure with its 95 % interval, None where there is none.
    ``baseline``: the same figure for ``baseline_name`` (train on real rows, say).
    ``slice``: for whom: "all", "sex=F" or "sex=F & age=60 to 69"; ``order`` counts its subgroups.
    ``rows``, ``n``, ``positives``: the real rows behind it, how many, and how many with the event.
    ``status``: "ok", else why the value must not be used (``reason``).
    ``model``: the learner; ``detail``: the column, pair or remark that the figure is about.
    ``charged``: every number in it comes from noisy answers that its rows were charged for.
    ``sample``: of how many rows it was computed, where there are more.
    """

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    baseline_name: str = ""
    slice: str = "all"
    order: int = 0
    target: str = ""
    rows: RealRows = "holdout"
    n: int | None = None
    positives: int | None = None
    higher_is_better: bool = True
    status: Status = "ok"
    reason: str = ""
    visibility: Literal["internal", "public"] = "internal"
    model: str = ""
    detail: str = ""
    charged: bool = False
    sample: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "baseline"):
            number = getattr(self, name)
            if number is not None:
                if not math.isfinite(number):
                    raise ValueError(f"{self.metric}: {name} is {number}")
                object.__setattr__(self, name, float(number))
        if self.status == "ok" and self.value is None:
            raise ValueError(f"{self.metric}: a score that is ok needs a value")
        if self.visibility == "public" and self.rows != "none" and not self.charged:
            raise ValueError(
                f"{self.metric}: computed on {self.rows} rows without a charge, so it cannot be public"
            )


def finite(number: float) -> float | None:
    """The number, or None where a figure is undefined."""
    return float(number) if math.isfinite(number) else None


@dataclass(frozen=True)
class Scorecard:
    """All scores of one release, in the order in which they were computed."""

    scores: tuple[Score, ...] = ()

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def filter(self, where: Callable[[Score], bool] | None = None, **equal: Any) -> Scorecard:
        """The scores whose fields equal the given values and for which ``where`` holds."""
        return Scorecard(
            tuple(
                s
                for s in self.scores
                if all(getattr(s, k) == v for k, v in equal.items()) and (where is None or where(s))
            )
        )

    def one(self, **equal: Any) -> Score:
        """The only score with these fields; LookupError where there are none or several."""
        found = self.filter(**equal).scores
        if len(found) != 1:
            raise LookupError(f"{len(found)} scores with {equal}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """One row a score."""
        frame: pd.DataFrame = self._table().to_pandas()
        return frame

    @staticmethod
    def from_frame(frame: pd.DataFrame) -> Scorecard:
        """The scorecard that ``to_frame`` gave."""
        table = pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False)
        return _from_rows(table.to_pylist())

    def write(self, folder: Path, name: str = "scores") -> tuple[Path, Path]:
        """Write ``name``.parquet and ``name``.json; both hold everything."""
        parquet, text = folder / f"{name}.parquet", folder / f"{name}.json"
        pq.write_table(self._table(), parquet)
        rows = [asdict(s) for s in self.scores]
        text.write_text(json.dumps(rows, indent=1, allow_nan=False, ensure_ascii=False), "utf-8")
        return parquet, text

    @staticmethod
    def read(path: Path) -> Scorecard:
        """Read either file that ``write`` wrote."""
        if path.suffix == ".parquet":
            return _from_rows(pq.read_table(path).to_pylist())
        return _from_rows(json.loads(path.read_text("utf-8")))

    def _table(self) -> pa.Table:
        return pa.Table.from_pylist([asdict(s) for s in self.scores], schema=_SCHEMA)


_NUMBERS = {"value", "low", "high", "baseline"}
_COUNTS = {"order", "n", "positives"}
_FLAGS = {"higher_is_better", "charged"}
_SCHEMA = pa.schema(
    [
        pa.field(
            f.name,
            pa.float64()
            if f.name in _NUMBERS
            else pa.int64()
            if f.name in _COUNTS
            else pa.bool_()
            if f.name in _FLAGS
            else pa.string(),
        )
        for f in fields(Score)
    ]
)


def _from_rows(rows: Iterable[dict[str, Any]]) -> Scorecard:
    return Scorecard(tuple(Score(**row) for row in rows))
