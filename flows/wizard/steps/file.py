"""The first page: from which file, or which data dictionary, the schema comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.checking.drafting import draft
from flows.wizard.commented import commented
from flows.wizard.project import RELEASE, SCHEMA, STATE, Project, folder_for
from flows.wizard.session import Form, Session, one
from privacy.dictionaries.document import schema_from
from privacy.errors import InputError
from privacy.reading.formats.holders import apart, is_there
from privacy.schema.schema import Csv

NAME, TITLE = "file", "Your file"

ROWS = (
    ".csv", ".csv.gz", ".tsv", ".txt", ".parquet", ".xlsx", ".xls", ".ods", ".sas7bdat", ".xpt", ".dta",
    ".sav", ".zsav",
)  # fmt: skip
DICTIONARIES = (".csv", ".json")
"""Files that a person may mean, by their names."""
MOST = 200


def show(session: Session) -> dict[str, Any]:
    """The files of the working folder and its projects."""
    return {
        "home": session.home,
        "files": list(_files(session.home, ROWS)),
        "dictionaries": list(_files(session.home, DICTIONARIES)),
        "projects": sorted(p.parent.name for p in session.home.glob("*/wizard.json")),
        "chosen": session.project.state.data if session.project else (),
        "first": session.first,
        "described": _describes(session.first),
    }


def take(session: Session, form: Form) -> str:
    """Draft a schema, or take up a project; then its columns."""
    if project := one(form, "project"):
        folder = session.home / Path(project).name
        if not Project.there(folder):
            raise InputError(f"{folder}: holds no project of the wizard")
        session.project = Project.of(folder)
        return "columns"
    named = one(form, "path").strip("\"'")
    ticked = form.get("file", ())
    if named:  # a sheet of a file that is ticked is what is meant of it
        ticked = tuple(text for text in ticked if apart(Path(named))[0] != Path(text))
    texts = [*ticked, *([named] if named else [])]
    data = tuple(session.home / Path(text).expanduser() for text in texts)
    dictionary = one(form, "dictionary")
    if not data and not dictionary:
        raise InputError("choose a file, or write where it lies")
    for path in data:
        if not is_there(path):
            raise InputError(f"{path}: no such file")
    if dictionary:
        path = session.home / Path(dictionary).expanduser()
        begin_from_dictionary(
            session, path, data, one(form, "table") or None, bool(one(form, "labels"))
        )
    else:
        begin_from_rows(session, data)
    return "columns"


def begin_from_rows(session: Session, data: tuple[Path, ...]) -> None:
    """A project from private rows, whose copies a person must confirm."""
    found = draft(data, Csv())
    session.told = found.told
    session.keep(Project.begun(_folder(session, data[0]), commented(found.text), data))


def begin_from_dictionary(
    session: Session, path: Path, data: tuple[Path, ...], table: str | None, labels: bool
) -> None:
    """A project from a public document, of which nothing has to be confirmed.

    ``table``: which, of a document that describes several. ``labels``: whether rows hold labels for codes.
    """
    found = schema_from(path, table, labels)
    session.told = found.told
    session.keep(Project.begun(_folder(session, (data or (path,))[0]), commented(found.text), data))


def _describes(path: Path | None) -> bool:
    """Whether a file is a document that describes a table, and holds no rows of it."""
    if path is None or not path.name.lower().endswith(DICTIONARIES):
        return False
    try:
        schema_from(path)
    except InputError as error:
        return "--table" in str(error)  # it describes several
    return True


def _folder(session: Session, file: Path) -> Path:
    """A folder that holds no other project, nor anybody's own schema."""
    first = folder = session.folder or folder_for(session.home, file)
    number = 2
    while any((folder / name).exists() for name in (SCHEMA, RELEASE, STATE)):
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder


def _files(home: Path, ends: tuple[str, ...]) -> Iterator[str]:
    """What lies in the working folder and one folder down, the newest names of a kind first."""
    places = [*home.iterdir(), *(p for f in home.iterdir() if f.is_dir() for p in _inside(f))]
    named = sorted(p for p in places if p.name.lower().endswith(ends) and p.is_file())
    yield from (str(p.relative_to(home)) for p in named[:MOST])


def _inside(folder: Path) -> list[Path]:
    if folder.name.startswith(".") or (folder / "wizard.json").exists() or folder.name == "runs":
        return []
    try:
        return list(folder.iterdir())
    except OSError:
        return []
