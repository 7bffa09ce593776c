"""What the wizard works on: a folder with the schema and the config of one release, as one writes them by hand.

    schema.yaml    `draft: unconfirmed` stands in it until every copy from private rows is confirmed as public
    release.yaml   once something was asked for
    wizard.json    what only the wizard has to know: files, notes, what is confirmed
    release.log    what the release said, with private values where there are any

Privacy claim: none; the folder is for its owner's eyes. A column counts as confirmed for as long as it says
what it said when a person confirmed it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from flows.wizard.columns import dumped
from flows.wizard.commented import Commented, commented
from privacy.errors import InputError
from privacy.files import write_atomically
from privacy.schema.documents import read_mapping, validated
from privacy.schema.schema import Schema

SCHEMA, RELEASE, STATE, LOG = "schema.yaml", "release.yaml", "wizard.json", "release.log"

UNKNOWN_PEOPLE = 1000
"""How many people previews are made for where nobody says."""

HOLDOUT = 0.2
"""The share of people who are held out where nobody says."""

UNCONFIRMED = "draft: unconfirmed\n"
HEADER = "# Written by `understudy wizard`; everything in it is taken to be public.\n"


@dataclass(frozen=True)
class State:
    """What only the wizard has to know.

    ``data``: the private files. ``copied``: columns that hold copies from private rows. ``confirmed``: by
    column, the digest of what a person confirmed. ``parts``: what else of the schema holds copies, by its key,
    each with the digest of what a person confirmed, "" while nobody has. ``notes``, ``proposals``, ``remarks``:
    as in a draft.
    ``left_out``: columns that are not to be published, as they were. ``people``: about how many, for previews.
    ``asked``: whether somebody said who is protected. ``holdout``: the share of people kept out of training.
    """

    data: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    confirmed: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    proposals: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    left_out: Mapping[str, Any] = field(default_factory=dict)
    people: int = UNKNOWN_PEOPLE
    asked: bool = False
    holdout: float = HOLDOUT
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A folder, what its schema says and what else is known."""

    folder: Path
    document: dict[str, Any]
    state: State

    @classmethod
    def there(cls, folder: Path) -> bool:
        """Whether a folder holds one."""
        return (folder / STATE).exists() and (folder / SCHEMA).exists()

    @classmethod
    def of(cls, folder: Path) -> Project:
        """The project of a folder, with whatever was changed by hand since."""
        document = read_mapping(folder / SCHEMA)
        marked = document.pop("draft", None) is not None
        known = json.loads((folder / STATE).read_text(encoding="utf-8"))
        project = cls(folder, document, State(**known))
        return project._as_marked() if marked else project

    def _as_marked(self) -> Project:
        """Of a schema in which the mark of a draft stands: what nobody here knows of is a copy until confirmed,
        and so is everything where nothing else explains the mark, as in a draft that was put into the folder.
        """
        named = tuple(n for n in self.columns if n not in self.state.notes)
        marked = commented((self.folder / SCHEMA).read_text(encoding="utf-8"))
        copied = dict.fromkeys((*self.state.copied, *named, *marked.copied))
        parts = {**dict.fromkeys(marked.parts, ""), **self.state.parts}
        project = self.with_state(copied=tuple(copied), parts=parts)
        if project.is_confirmed:
            project = project.with_state(copied=tuple(self.columns), confirmed={})
        return project

    @classmethod
    def begun(cls, folder: Path, found: Commented, data: tuple[Path, ...]) -> Project:
        """A new one, from a draft."""
        state = State(
            data=tuple(map(str, data)),
            copied=found.copied,
            notes=found.notes,
            proposals={k: tuple(map(plain, v)) for k, v in found.proposals.items()},
            remarks=found.remarks,
            parts=dict.fromkeys(found.parts, ""),
        )
        return cls(folder, found.document, state)

    @property
    def columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = self.document["columns"]
        return columns

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Columns that hold copies which nobody has confirmed."""
        return tuple(
            name
            for name in self.state.copied
            if name in self.columns and self.state.confirmed.get(name) != digest(self.columns[name])
        )

    @property
    def copied_parts(self) -> dict[str, Any]:
        """What the schema says beside its columns that was copied; one row of a person copies nothing."""
        said = {key: self.document.get(key) for key in self.state.parts}
        return {key: value for key, value in said.items() if value not in (None, 1)}

    @property
    def unconfirmed_parts(self) -> tuple[str, ...]:
        """The keys of those that nobody has confirmed."""
        known = self.state.parts
        return tuple(k for k, value in self.copied_parts.items() if known[k] != digest(value))

    @property
    def is_confirmed(self) -> bool:
        """Whether a person's word stands for every copy."""
        return not (self.unconfirmed or self.unconfirmed_parts)

    def confirm(self, names: tuple[str, ...], parts: bool = False) -> Project:
        """With a person's word that what these columns say is public, and that what the ``parts`` do is."""
        said = {name: digest(self.columns[name]) for name in names}
        also = {k: digest(value) for k, value in self.copied_parts.items()} if parts else {}
        return self.with_state(
            confirmed={**self.state.confirmed, **said}, parts={**self.state.parts, **also}
        )

    def with_state(self, **known: Any) -> Project:
        return replace(self, state=replace(self.state, **known))

    def saying(self, **parts: Any) -> Project:
        """With other parts of the schema; None takes one out."""
        document = {**self.document, **parts}
        return replace(self, document={k: v for k, v in document.items() if v is not None})

    def schema(self) -> Schema:
        """The schema, confirmed or not. Raises InputError for what is no schema."""
        # by way of YAML, so that what is checked is what is written
        text = dumped(self.document)
        return validated(self.folder / SCHEMA, yaml.safe_load(text), Schema, text)

    def save(self) -> None:
        """Write it, readable by nobody else."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = HEADER + ("" if self.is_confirmed else UNCONFIRMED) + dumped(self.document)
        write_atomically(self.folder / SCHEMA, text.encode())
        state = json.dumps(asdict(self.state), ensure_ascii=False, indent=1)
        write_atomically(self.folder / STATE, state.encode())

    @property
    def written(self) -> tuple[int, ...]:
        """When its files were written, in nanoseconds; 0 for one that is gone."""
        files = (self.folder / SCHEMA, self.folder / STATE)
        return tuple(f.stat().st_mtime_ns if f.exists() else 0 for f in files)

    @property
    def release(self) -> dict[str, Any] | None:
        """The config, where one was written."""
        path = self.folder / RELEASE
        return read_mapping(path) if path.exists() else None

    @property
    def holdout(self) -> float:
        """The share held out, as the config says it or, before there is one, the person."""
        return float((self.release or {}).get("holdout", self.state.holdout))

    def ask(self, config: dict[str, Any]) -> None:
        """Write the release config."""
        text = "# Written by `understudy wizard`.\n" + dumped(config)
        write_atomically(self.folder / RELEASE, text.encode())


def digest(column: Any) -> str:
    """SHA-256 of what a column says."""
    return hashlib.sha256(dumped(column).encode()).hexdigest()


def plain(value: Any) -> Any:
    """A value of YAML as JSON holds it: dates as texts."""
    return json.loads(json.dumps(value, default=str))


def folder_for(home: Path, file: Path) -> Path:
    """Where the project of a file lies by default: in the working folder, under a name like the file's."""
    stem = "".join(c if c.isalnum() else "-" for c in file.name.split(".")[0]).strip("-").lower()
    if not stem:
        raise InputError(f"{file}: its name holds no letter or digit; name a folder with --folder")
    return home / f"{stem}-release"
