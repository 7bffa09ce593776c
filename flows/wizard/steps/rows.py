"""The fifth page: the private rows held against the schema, as ``understudy schema check`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.checking.check import check
from flows.stages.config import load_config
from flows.wizard.project import RELEASE, Project, digest
from flows.wizard.session import Form, Session, one
from privacy.errors import InputError
from privacy.ledger.ledger import Ledger
from privacy.reading.formats.holders import is_there

NAME, TITLE = "check", "Check your rows"


def show(session: Session) -> dict[str, Any]:
    """What the last check found, where the schema is still the one that was checked."""
    project = session.open
    known = session.checked
    return {
        "data": [session.near(Path(file)) for file in project.state.data],
        "checked": known[1] if known and known[0] == _of(project) else None,
        "holdout": f"{100 * project.holdout:g}",
    }


def take(session: Session, form: Form) -> str:
    """Check, or go on; the files may be named here, where the schema came from a dictionary."""
    project = session.open
    if named := one(form, "path"):
        data = tuple(
            str(session.home / Path(part.strip()).expanduser()) for part in named.split(";")
        )
        for file in data:
            if not is_there(Path(file)):
                raise InputError(f"{file}: no such file")
        project = project.with_state(data=data)
        session.keep(project)
        if project.release is not None:  # what is checked is what is released
            project.ask({**project.release, "data": list(data)})
    share = _share(form, project.holdout)
    if share != project.holdout:
        _check_uncharged(project)
        project = project.with_state(holdout=share)
        session.keep(project)
        if project.release is not None:
            project.ask({**project.release, "holdout": share})
    if one(form, "go"):
        return "privacy"
    if not project.state.data:
        raise InputError("no file of rows was named yet; write where it lies")
    schema = project.schema()
    session.checked = (
        _of(project),
        check(schema, [Path(file) for file in project.state.data], project.holdout),
    )
    return NAME


def _share(form: Form, before: float) -> float:
    """The share of people held out, written in percent."""
    text = one(form, "holdout", f"{100 * before:g}")
    try:
        share = round(float(text) / 100, 6)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f"people held out: expected a number between 0 and 100, found {text!r}")
    return share


def _check_uncharged(project: Project) -> None:
    """Raise InputError where something was charged for the data set, whose sides are fixed by that."""
    if project.release is None:
        return
    config = load_config(project.folder / RELEASE, reads=False)
    name = config.same_people_as or project.document["name"]
    if "://" not in config.ledger and not Path(config.ledger).exists():
        return
    if any(not c.free for c in Ledger(config.ledger).charges(name)):
        raise InputError(
            f"people held out: {100 * project.holdout:g} in 100 is fixed, since something was charged for this "
            "data set; leave it"
        )


def _of(project: Project) -> str:
    """By what a check goes."""
    return digest([project.document, list(project.state.data), project.holdout])
