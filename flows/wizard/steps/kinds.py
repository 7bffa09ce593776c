"""The second page: every column, its guess as a question, and a person's word that what it says is public."""

from __future__ import annotations

from typing import Any

from flows.wizard.columns import KINDS, LEFT_OUT, changed, dumped, shown
from flows.wizard.project import Project, digest
from flows.wizard.session import Form, Session, check_seen, one
from privacy.errors import InputError

NAME, TITLE = "columns", "Columns"


def show(session: Session) -> dict[str, Any]:
    """A form for each column, and those that were left out."""
    project = session.open
    return {
        "columns": [
            {
                "name": name,
                "number": number,
                "form": shown(column),
                "notes": project.state.notes.get(name, ()),
                "copied": name in project.state.copied,
                "confirmed": name not in project.unconfirmed,
                "description": column.get("description", ""),
            }
            for number, (name, column) in enumerate(project.columns.items())
        ],
        "kinds": KINDS,
        "remarks": [r for r in project.state.remarks if "left out" in r],
        "left_out": list(project.state.left_out),
        "unconfirmed": project.unconfirmed,
        "parts": dumped(project.copied_parts) if project.copied_parts else "",
        "parts_confirmed": not project.unconfirmed_parts,
        "is_confirmed": project.is_confirmed,
        "seen": _seen(project),
    }


def take(session: Session, form: Form) -> str:
    """Change columns, leave some out, bring some back, and confirm what is said to be public."""
    project = session.open
    check_seen(form, _seen(project))
    before = project.columns
    columns: dict[str, Any] = {}
    left_out = dict(project.state.left_out)
    for number, (name, column) in enumerate(before.items()):
        own = _own(form, number)
        if own["kind"] == LEFT_OUT:
            left_out[name] = column
        else:
            columns[name] = changed(name, column, own)
    for name in form.get("back", ()):
        if name in left_out:
            columns[name] = left_out.pop(name)
    if not columns:
        raise InputError("every column is left out; keep one at least")
    surplus = "drop" if left_out else project.document.get("surplus_columns")
    project = _without_lost(project.saying(columns=columns, surplus_columns=surplus), set(columns))
    project = project.with_state(left_out=left_out)
    project.schema()  # or what is wrong with it is told
    everything = bool(one(form, "everything"))
    said = tuple(
        name
        for number, name in enumerate(before)
        if name in columns and (everything or one(form, f"{number}.public"))
    )
    session.keep(project.confirm(said, everything or bool(one(form, "parts"))))
    if one(form, "go") and (others := session.open.unconfirmed_parts):
        raise InputError(
            f"{', '.join(others)}: copied from your rows, and nobody has confirmed that it is public; confirm "
            "it, or change it under Who is protected"
        )
    if one(form, "go") and (open_ := session.open.unconfirmed):
        raise InputError(
            f"{len(open_)} columns hold values copied from your rows that nobody has confirmed as public, the "
            f"first of them {open_[0]!r}; confirm them, or replace what they say"
        )
    return "people" if one(form, "go") else NAME


def _seen(project: Project) -> str:
    """By what a page of these columns goes: a tick stands for what was shown, and fields go by number."""
    return digest([project.columns, project.copied_parts, [*project.state.left_out]])


def _own(form: Form, number: int) -> dict[str, str]:
    """The fields of one column."""
    start = f"{number}."
    return {name.removeprefix(start): v[0] for name, v in form.items() if name.startswith(start)}


def _without_lost(project: Project, there: set[str]) -> Project:
    """Without what is said of columns that are gone."""
    document = project.document
    parts: dict[str, Any] = {
        "targets": [t for t in document.get("targets", ()) if _names(t) <= there],
        "subgroups": [s for s in document.get("subgroups", ()) if s["column"] in there],
    }
    if document.get("unit") not in there:
        parts["unit"] = parts["visits"] = None
    return project.saying(**parts)


def _names(target: dict[str, Any]) -> set[str]:
    return {target[key] for key in ("column", "time", "event") if key in target}
