"""Fidelity: does each column, and each pair of columns, look like the real one?

SDMetrics' QualityReport (Column Shapes, Column Pair Trends) and DiagnosticReport against the
holdout, with the metadata written from the schema; declared categories that real rows have and
synthetic rows lost; and rows that the schema calls impossible or that break its relations, which need no
real row and so are public.

A number with special values is judged as two columns: the number, missing where special, and the
special. Rows: holdout (lost categories: train and holdout; impossible rows: none).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluators.features import as_numbers
from evaluators.mixed import has_specials, special_name
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.records.broken import breaks, broken_rows
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema

if TYPE_CHECKING:
    from sdmetrics.reports import DiagnosticReport, QualityReport

MAX_ROWS = 50_000
"""The reports see at most this many rows of a table, drawn by the seed."""

LISTED = 20
"""So many lost categories of a column are named."""

TABLE = "table"
"""SDMetrics wants a name for it."""

INAPPLICABLE = frozenset(
    {"Constraint Validity", "Cardinality", "Intertable Trends", "Relationship Validity"}
)
"""Properties of SDV constraints and of several tables."""

WORST = 10
"""So many of the worst columns and pairs get a score of their own (every column does, in
quality)."""


def quality(tables: Tables) -> list[Score]:
    """SDMetrics quality: overall, both properties, every column, the worst pairs."""
    report = reports().QualityReport()
    if empty := _generate(report, tables):
        return withheld("quality", empty)
    scores = [scored("quality", report.get_score(), tables)]
    for name, value in _properties(report):
        scores.append(scored(f"quality.{snake(name)}", value, tables))
    shapes = report.get_details("Column Shapes")
    for row in shapes.sort_values("Score").itertuples():
        scores.append(scored("quality.column", row.Score, tables, f"{row.Column} ({row.Metric})"))
    pairs = report.get_details("Column Pair Trends").dropna(subset="Score")
    pairs = pairs.sort_values("Score").head(WORST)
    for left, right, metric, value in zip(
        pairs["Column 1"], pairs["Column 2"], pairs["Metric"], pairs["Score"], strict=True
    ):
        scores.append(scored("quality.pair", value, tables, f"{left} × {right} ({metric})"))
    return scores


def diagnostic(tables: Tables) -> list[Score]:
    """SDMetrics diagnostic: overall, both properties, the worst columns.

    Against a holdout it need not be 1: synthetic values may rightly lie beyond the holdout's
    extremes.
    """
    report = reports().DiagnosticReport()
    if empty := _generate(report, tables):
        return withheld("diagnostic", empty)
    scores = [scored("diagnostic", report.get_score(), tables)]
    for name, value in _properties(report):
        scores.append(scored(f"diagnostic.{snake(name)}", value, tables))
    details = report.get_details("Data Validity").sort_values("Score").head(WORST)
    for row in details.itertuples():
        scores.append(
            scored("diagnostic.column", row.Score, tables, f"{row.Column} ({row.Metric})")
        )
    return scores


def reports() -> Any:
    """SDMetrics' reports, imported when one is wanted."""
    with warnings.catch_warnings(), _without_torch():
        warnings.simplefilter("ignore", FutureWarning)  # sdmetrics 0.32 warns of its own imports
        import sdmetrics.reports
    return sdmetrics.reports


@contextmanager
def _without_torch() -> Iterator[None]:
    """SDMetrics imports torch where there is any, two seconds and 100 MB, for a metric that no report has."""

    class Nowhere(MetaPathFinder):
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name == "torch":
                raise ModuleNotFoundError(name)

    nowhere = Nowhere()
    sys.meta_path.insert(0, nowhere)
    try:
        yield
    finally:
        sys.meta_path.remove(nowhere)


def _properties(report: QualityReport | DiagnosticReport) -> list[tuple[str, float]]:
    """The properties that apply to one table without SDV constraints."""
    found = report.get_properties().itertuples(index=False)
    return [(name, value) for name, value in found if name not in INAPPLICABLE]


def snake(name: str) -> str:
    return name.lower().replace(" ", "_")


def scored(metric: str, value: float, tables: Tables, detail: str = "") -> Score:
    """A score over everyone; SDMetrics gives NaN where a column has nothing to compare."""
    n = tables.people("holdout", np.ones(len(tables.holdout), dtype=bool))
    if not np.isfinite(value):
        return Score(
            metric=metric,
            n=n,
            detail=detail,
            status="insufficient evidence",
            reason="nothing to compare: a table has no value here, or a single one",
        )
    return Score(metric=metric, value=value, n=n, detail=detail)


def _generate(report: QualityReport | DiagnosticReport, tables: Tables) -> str:
    """Fill the report with the holdout and the synthetic rows; why not, where a table is empty."""
    rng = tables.rng("fidelity")
    frames = {}
    for role in ("holdout", "synthetic"):
        frame = tables.frame(role)
        if frame.empty:
            return f"no {role} row to compare"
        if len(frame) > MAX_ROWS:
            frame = frame.iloc[np.sort(rng.choice(len(frame), size=MAX_ROWS, replace=False))]
        frames[role] = {TABLE: plain(frame, tables.codec)}
    metadata = {"tables": {TABLE: {"columns": sdv_columns(tables.schema)}}}
    fill(report, frames["holdout"], frames["synthetic"], metadata)
    return ""


def fill(
    report: QualityReport | DiagnosticReport,
    real: Mapping[str, pd.DataFrame],
    synthetic: Mapping[str, pd.DataFrame],
    metadata: Mapping[str, Any],
) -> None:
    """Of tables by name, with SDV metadata."""
    with warnings.catch_warnings():  # of empty and of constant columns: their scores say so
        warnings.simplefilter("ignore")
        report.generate(real, synthetic, metadata, verbose=False)


def withheld(metric: str, reason: str) -> list[Score]:
    return [Score(metric=metric, status="insufficient evidence", reason=reason)]


def sdv_columns(schema: Schema) -> dict[str, dict[str, str]]:
    """SDV metadata of the columns that ``plain`` makes."""
    columns = {}
    for name in schema.modelled:
        column = schema.columns[name]
        if isinstance(column, Categorical):
            columns[name] = {"sdtype": "categorical"}
            continue
        columns[name] = {"sdtype": "numerical"}
        if has_specials(schema, name):
            columns[special_name(name)] = {"sdtype": "categorical"}
    return columns


def plain(frame: pd.DataFrame, codec: Codec) -> pd.DataFrame:
    """Canonical rows as SDMetrics takes them: texts and floats (dates as days or seconds), NaN
    missing."""
    columns: dict[str, object] = {}
    for name in codec.schema.modelled:
        code = codec.columns[name]
        if code.bins is None:
            columns[name] = frame[name].to_numpy(dtype=object)
            continue
        codes = code.encode(frame[name])
        in_bin = codes < code.n_bins
        numbers = np.full(len(frame), np.nan)
        numbers[in_bin] = as_numbers(frame.loc[in_bin, name], codec, name)
        columns[name] = numbers
        if has_specials(codec.schema, name):
            labels = np.array(
                [*["(number)"] * code.n_bins, *code.labels[code.n_bins :]], dtype=object
            )
            columns[special_name(name)] = labels[codes]
    return pd.DataFrame(columns)


def lost_categories(tables: Tables) -> list[Score]:
    """For each column, how many of the codes that real rows use no synthetic row has."""
    scores = []
    for name, code in tables.codec.columns.items():
        used = {
            role: tables.met[role][name] if tables.met else set(codes[name].tolist())
            for role, codes in tables.codes.items()
        }
        lost = sorted((used["train"] | used["holdout"]) - used["synthetic"])
        lost = [i for i in lost if i >= code.n_bins]
        scores.append(
            Score(
                metric="lost_categories",
                value=float(len(lost)),
                rows="train and holdout",
                higher_is_better=False,
                detail=f"{name}: {_listed([code.labels[i] for i in lost])}" if lost else name,
            )
        )
    return scores


def _listed(labels: list[str]) -> str:
    more = len(labels) - LISTED
    return ", ".join(labels[:LISTED]) + (f" and {more:,} more" if more > 0 else "")


def impossible(tables: Tables) -> list[Score]:
    """Shares of synthetic rows that the schema calls impossible, and that break a declared relation, then those
    of real rows, which stay in the house."""
    schema, frame = tables.schema, tables.synthetic
    real = pd.concat([tables.train, tables.holdout], ignore_index=True)
    return [
        _share(
            "impossible_rows", impossible_rows(frame, schema), schema.impossible, "combinations"
        ),
        _share(
            "broken_rows",
            broken_rows(frame, schema),
            schema.relations,
            "relations",
            [r.says for r in schema.relations if breaks(frame, schema, r)[1].any()],
        ),
        *_of_real("impossible_rows_by_real", impossible_rows(real, schema), schema.impossible),
        *_of_real("broken_rows_by_real", broken_rows(real, schema), schema.relations),
    ]


def _of_real(metric: str, bad: np.ndarray, declared: tuple[object, ...]) -> list[Score]:
    """The share of real rows that do what no synthetic row may."""
    if not declared or not len(bad):
        return []
    value = float(bad.mean())
    return [
        Score(
            metric=metric, value=value, rows="train and holdout", higher_is_better=False, n=len(bad)
        )
    ]


def _share(
    metric: str, bad: np.ndarray, declared: tuple[object, ...], of: str, which: Sequence[str] = ()
) -> Score:
    return Score(
        metric=metric,
        value=float(bad.mean()) if len(bad) else None,
        rows="none",
        higher_is_better=False,
        status="ok" if len(bad) else "insufficient evidence",
        reason="" if len(bad) else "no synthetic row to look at",
        visibility="public",
        detail=f"{len(declared)} declared {of}"
        + (f"; broken: {', '.join(which)}" if which else ""),
    )
