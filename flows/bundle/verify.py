"""``understudy verify``: a public folder held against itself, offline, by whoever receives it.

Every file is held against the manifest, the rows against the schema, ε, δ and risk against the events on the
label, which are composed anew, and every card against the label. What no file can show is named, so that nobody
takes it for checked. A folder from before some of this was written lacks it, and is told so.

Privacy claim: none; opens public files only.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from dp_accounting import DpEvent

from evaluators.pages.drawing.page import loss
from flows.bundle.manifest import APPROVAL, MANIFEST, differences, digests
from flows.frames.export import exported, read_synthetic, stored_synthetic
from flows.frames.parquet import PARQUET, arrow_schema, parquet_files, part_name, typed_table
from flows.frames.pictures import file_names
from flows.frames.tables import files, parts, tables
from flows.frames.visits import unkept
from flows.frames.written import texts
from flows.label.risk import in_hundred
from privacy.accounting.composition import spent
from privacy.accounting.events import ClaimedDpEvent, event_from_json
from privacy.accounting.risk import risk
from privacy.errors import InputError, PrivateError, UnderstudyError
from privacy.reading.images import stack
from privacy.reading.read import batches
from privacy.schema.columns import Datetime
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import AT_ONCE

ROUNDING = 1e-6
"""Relative; what other versions of a library may round otherwise."""

UNCHECKED = (
    "that the rows came from the mechanism on the label, and that it got no more rows of a unit than it says",
    "that a ledger charged these events before a row was read: the house can show it with `understudy ledger "
    "verify --label label.json`",
    "that the schema was public, and that the settings come from where the label says",
    "who decided, and what they looked at",
    "that this is the folder that was published: compare the manifest's SHA-256 with the publisher's",
)
"""What only the house can show."""


@dataclass(frozen=True)
class Finding:
    """One line of what came of it."""

    status: Literal["holds", "wrong", "lacking", "unchecked"]
    text: str


class LackingError(Exception):
    """The folder is from before this was written."""


@dataclass(frozen=True)
class Bundle:
    """The files of a public folder, read when they are asked for."""

    folder: Path
    manifest: bytes
    files: dict[str, str]
    label: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Bundle:
        """Raises InputError where the folder is none that was published."""
        for name in (MANIFEST, "label.json", "schema.yaml", "data.csv"):
            if not (folder / name).is_file():
                raise InputError(
                    f"{folder / name}: not there; give the folder that was published, …/bundle/public"
                )
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                raise InputError(f"{path}: a link, which no published folder holds")
        try:
            text = (folder / MANIFEST).read_bytes()
            label = json.loads((folder / "label.json").read_text("utf-8"))
            return cls(folder, text, digests(text), dict(label))
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(
                f"{folder}: {MANIFEST} or label.json cannot be read: {error}"
            ) from None

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which stands for every file."""
        return hashlib.sha256(self.manifest).hexdigest()

    @cached_property
    def schema(self) -> Schema:
        return load_schema(self.folder / "schema.yaml")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows of data.csv, all in memory; raises ValueError where one does not fit the schema."""
        return read_synthetic(self.folder / "data.csv", self.schema)

    @property
    def events(self) -> list[DpEvent]:
        """What was charged for the rows, by the label."""
        return [event_from_json(e["event"]) for e in self.label["accounting"]["events"]]

    def there(self, name: str) -> Path:
        """A file that older folders have not; raises LackingError where it is not there."""
        if not (self.folder / name).exists():
            raise LackingError(name)
        return self.folder / name


def verify(folder: Path) -> list[Finding]:
    """Everything that can be checked without the house, then what cannot."""
    bundle = Bundle.of(folder)
    found = [f for text, check in CHECKS.items() for f in _carried_out(text, check, bundle)]
    return list(dict.fromkeys(found)) + [Finding("unchecked", text) for text in UNCHECKED]


def _carried_out(
    text: str, check: Callable[[Bundle], Iterable[str]], bundle: Bundle
) -> list[Finding]:
    """One check: that it holds, or all that is wrong; a file that cannot be read is."""
    try:
        wrong = list(check(bundle))
    except LackingError as error:
        return [Finding("lacking", f"{error}: not in this folder, which is of an earlier version")]
    except PrivateError as error:  # synthetic rows are public
        wrong = [error.private]
    except (UnderstudyError, OSError, yaml.YAMLError, RecursionError, *MALFORMED) as error:
        said = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
        wrong = [
            said if said.startswith(str(bundle.folder)) else f"cannot be checked: {text}: {said}"
        ]
    return [Finding("wrong", w) for w in wrong] or [Finding("holds", text)]


MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What comes of values of another kind than they should be."""


def _files(bundle: Bundle) -> Iterator[str]:
    decision = bundle.label["decision"]
    asked = "at_hand" in decision or "decided_by" not in decision  # older labels name nobody
    beside = {MANIFEST, *([APPROVAL] if asked else [])}
    told = {
        "added": "not in the manifest",
        "missing": "missing",
        "changed": "not the file of the manifest",
    }
    for path, how in differences(bundle.folder, bundle.files, beside):
        yield f"{path}: {told[how]}"


def _decision(bundle: Bundle) -> Iterator[str]:
    decision, path = bundle.label["decision"], bundle.folder / APPROVAL
    if decision["decision"] != "approved":
        yield f"label.json: decided {decision['decision']!r}, which publishes nothing"
    if path.exists():
        told = json.loads(path.read_text("utf-8"))
        if told["candidate"] != bundle.digest:
            yield f"{APPROVAL}: the decision was about another manifest than this one"
    elif "at_hand" in decision:
        yield f"{APPROVAL}: missing, where the label says that a person decides"


def _schema(bundle: Bundle) -> Iterator[str]:
    label, schema = bundle.label, bundle.schema
    guarantee = label["guarantee"]
    pairs = {
        "data set": (label["release"]["data_set"], schema.name),
        "unit": (guarantee["unit"], schema.unit or "row"),
        "rows a unit": (guarantee["max_rows_per_unit"], schema.max_rows_per_unit),
        "columns": (label["public_facts_assumed"]["columns"], len(schema.columns)),
        "public row count": (label["public_facts_assumed"]["row_count"], schema.public_rows),
    }
    for what, (said, found) in pairs.items():
        if said != found:
            yield f"label.json: {what} {said!r}, but schema.yaml says {found!r}"
    if schema.incomplete:
        yield f"schema.yaml: leaves {', '.join(schema.incomplete)} open"


def _rows(bundle: Bundle) -> Iterator[str]:
    data, room = bundle.folder / "data.csv", Path(gettempdir())
    said, found = (
        bundle.label["release"]["synthetic_rows"],
        stored_synthetic(data, bundle.schema, room),
    )
    if said != len(found):
        yield f"label.json: {said} synthetic rows, but data.csv holds {len(found)}"
    for line in unkept(found.frame, bundle.schema) if bundle.schema.visits else ():
        yield f"data.csv: {line}"


def _parquet(bundle: Bundle) -> Iterator[str]:
    schema, paths = exported(bundle.schema), parquet_files(bundle.folder)
    if (folder := bundle.folder / PARQUET).is_dir():
        found = {f.relative_to(folder).as_posix() for f in folder.rglob("*")}
        for name in sorted(found ^ {part_name(i) for i in range(len(paths))}):
            yield f"{PARQUET}/{name}: is no part, or a part is missing before it"
    wanted, pictures = arrow_schema(schema), []
    written, unlike = batches((bundle.folder / "data.csv",), schema), set[str]()
    held = next(written)  # a file of no rows is refused
    for path in paths:
        with pq.ParquetFile(path) as file:
            typed = file.schema_arrow
            if (typed.names, typed.types) != (wanted.names, wanted.types):
                yield f"{PARQUET}: other columns or types than schema.yaml says"
                return
            for batch in file.iter_batches(AT_ONCE):
                table = pa.Table.from_batches([batch])
                while held.num_rows < table.num_rows and (more := next(written, None)) is not None:
                    held = pa.concat_tables([held, more])
                mine, held = held.slice(0, table.num_rows), held.slice(table.num_rows)
                unlike |= _unlike(table, mine, schema)
                if schema.image is not None:
                    pictures += table[schema.image].to_pylist()
    if held.num_rows or next(written, None) is not None:
        unlike |= set(schema.columns)
    for name in schema.columns:
        if name in unlike:
            yield f"{PARQUET}: column {name!r} holds other values than in data.csv"
    if schema.image is not None:
        yield from _pictures(bundle, pictures)
    yield from _tables(bundle)


def _unlike(typed: pa.Table, written: pa.Table, schema: Schema) -> set[str]:
    """The columns whose values are written otherwise."""
    frame = typed.to_pandas()
    for name, column in schema.columns.items():
        if isinstance(column, Datetime):
            frame[name] = pd.to_datetime(frame[name]).dt.tz_localize(None)
    as_texts = texts(frame, schema)
    return {n for n in map(str, as_texts) if as_texts[n].tolist() != written[n].to_pylist()}


def _tables(bundle: Bundle) -> Iterator[str]:
    """Of linked rows: their tables, each key of which is then that of data.csv."""
    known = parts(bundle.schema)
    for name, rows in tables(bundle.frame, bundle.schema).items():
        part = exported(known[name].schema)
        for file in files(name):
            path = bundle.there(file)
            if path.suffix == ".parquet":
                same = pq.read_table(path).equals(typed_table(rows, part))
            else:
                same = path.read_text("utf-8") == texts(rows, part).to_csv(index=False)
            if not same:
                yield f"{file}: other rows than in data.csv"


def _pictures(bundle: Bundle, stored: list[dict[str, Any]]) -> Iterator[str]:
    image = bundle.schema.image
    names = [f"images/{name}" for name in file_names(len(bundle.frame))]
    files = [(bundle.folder / name).read_bytes() for name in names]
    if files != [s["bytes"] for s in stored]:
        yield "data.parquet: other pictures than in images/"
    with np.load(bundle.folder / "data.npz", allow_pickle=False) as arrays:
        if not np.array_equal(arrays[str(image)], stack(bundle.frame[image])):
            yield "data.npz: other pictures than in images/"


def _accounting(bundle: Bundle) -> Iterator[str]:
    yield from _cost(bundle.label["guarantee"], bundle.events, "its events")
    claimed = any(isinstance(e, ClaimedDpEvent) for e in _all_parts(bundle.events))
    if claimed and "claimed" not in bundle.label["guarantee"].get("basis", ""):
        yield "label.json: an event is somebody's claim, and the guarantee does not say so"
    accounting = bundle.label["accounting"]
    if event_from_json(accounting["generator_event"]) not in _all_parts(bundle.events):
        yield "label.json: the generator's event is not among those that were charged"
    ledger = accounting["ledger"]
    used, budget = ledger["data_set_epsilon_spent"], ledger["data_set_epsilon_budget"]
    if not used <= budget * (1 + ROUNDING):
        yield f"label.json: the data set has spent ε = {used:.6g} of a budget of {budget:.6g}"
    asked = bundle.label.get("evaluation")
    if asked:
        events = [event_from_json(e["event"]) for e in asked["events"]]
        yield from _cost(asked["guarantee"], events, "what the people held out were asked")


def _cost(guarantee: dict[str, Any], events: list[DpEvent], what: str) -> Iterator[str]:
    epsilon, delta = guarantee["epsilon"], guarantee["delta"]
    cost = spent(events, delta).epsilon
    if not cost <= epsilon * (1 + ROUNDING):
        yield f"label.json: ε = {epsilon:.6g} at δ = {delta:g}, but {what} cost ε = {cost:.6g}"


def _all_parts(events: Iterable[Any]) -> Iterator[DpEvent]:
    for event in events:
        yield event
        yield from _all_parts(getattr(event, "events", ()))
        yield from _all_parts([event.event] if hasattr(event, "event") else ())


def _risk(bundle: Bundle) -> Iterator[str]:
    told = bundle.label.get("risk")
    if told is None:
        raise LackingError("what any attack can reach")
    most = risk(bundle.events)
    figures = {
        "membership_advantage": most.advantage,
        "tpr_at_1_percent_fpr": most.tpr,
        "right_about_1_in_2": most.one_in_two,
        "right_about_1_in_100": most.one_in_hundred,
    }
    for name, figure in figures.items():
        if not figure <= told[name] * (1 + ROUNDING):
            yield f"label.json: {name} {told[name]:.6g}, but its events allow {figure:.6g}"
    if f" {in_hundred(told['right_about_1_in_2'])} times in 100" not in told["in_words"]:
        yield "label.json: the sentence on risk gives another figure than right_about_1_in_2"


def _croissant(bundle: Bundle) -> Iterator[str]:
    content = json.loads(bundle.there("croissant.json").read_text("utf-8"))
    said = {f["@id"]: f["sha256"] for f in content["distribution"] if f["@type"] != "cr:FileSet"}
    for name, digest in said.items():
        if bundle.files.get(name) != digest:
            yield f"croissant.json: another {name} than the manifest's"
    for name in bundle.files:
        if name.split("/")[0] in (PARQUET, "data.csv") and name not in said:
            yield f"croissant.json: does not name {name}"
    record = next(r for r in content["recordSet"] if r["@id"] == "privacy")["data"][0]
    yield from _same(bundle, "croissant.json", record["privacy/epsilon"], record["privacy/delta"])


def _registry(bundle: Bundle) -> Iterator[str]:
    entry = yaml.safe_load(bundle.there("registry.yaml").read_text("utf-8"))
    parameters = entry["deployment"]["privacy_loss"]["privacy_parameters"]
    yield from _same(bundle, "registry.yaml", parameters["epsilon"], parameters["delta"])
    if bundle.files["label.json"] not in entry["deployment"]["administrative"]["sources"]:
        yield "registry.yaml: names another label.json"


def _same(bundle: Bundle, name: str, epsilon: Any, delta: Any) -> Iterator[str]:
    guarantee = bundle.label["guarantee"]
    for sign, said, promised in (
        ("ε", epsilon, guarantee["epsilon"]),
        ("δ", delta, guarantee["delta"]),
    ):
        if not math.isclose(said, promised, rel_tol=ROUNDING):
            yield f"{name}: {sign} = {said:.6g}, but label.json says {promised:.6g}"


def _cards(bundle: Bundle) -> Iterator[str]:
    guarantee = bundle.label["guarantee"]
    epsilon, delta = loss(guarantee["epsilon"]), loss(guarantee["delta"])
    told = {
        "README.md": (f"**ε = {epsilon}, δ = {delta}, for",),
        "card.html": (f">ε = {epsilon}<", f">δ = {delta}<"),
    }
    for name, promises in told.items():
        text = bundle.there(name).read_text("utf-8")
        if not all(promise in text for promise in promises):
            yield f"{name}: does not say ε = {epsilon}, δ = {delta}, as label.json does"
    if bundle.files["label.json"] not in (bundle.folder / "README.md").read_text("utf-8"):
        yield "README.md: names another label.json"


CHECKS: dict[str, Callable[[Bundle], Iterable[str]]] = {
    "every file is that of manifest.json, and no other lies beside them": _files,
    "the label says approved, and where a person approved it was of this very manifest.json": _decision,
    "label.json and schema.yaml speak of the same table": _schema,
    "every value of data.csv lies inside schema.yaml, in as many rows as the label says": _rows,
    "data.parquet, and where rows are linked tables/, hold the same rows": _parquet,
    "ε and δ cover the events on the label, composed anew": _accounting,
    "what any attack can reach follows from these events": _risk,
    "croissant.json gives the label's ε and δ and the digests of these files": _croissant,
    "registry.yaml gives the label's ε and δ": _registry,
    "README.md and card.html give the label's ε and δ": _cards,
}
"""What holds, in words, and what finds that it does not."""
