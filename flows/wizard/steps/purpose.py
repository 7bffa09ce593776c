"""The fourth page: what is predicted, whom the release must serve, and what every row keeps."""

from __future__ import annotations

from typing import Any

import yaml

from flows.wizard.columns import dumped
from flows.wizard.project import Project, digest, plain
from flows.wizard.session import Form, Session, check_seen, one
from privacy.errors import InputError

NAME, TITLE = "purpose", "What it is for"

TASKS = {
    "classification": "yes or no",
    "multiclass": "which of several values",
    "regression": "a number",
    "survival": "time to an event",
}
SPARE = 2
"""Empty lines to fill, below what is there."""

FURTHER = ("relations", "keep_together", "impossible", "gaps")
"""What else a schema may say of columns together; written as YAML."""

Document = dict[str, Any]


def show(session: Session) -> dict[str, Any]:
    """Targets, subgroups, and what else is said of columns together."""
    project = session.open
    document, proposals = project.document, project.state.proposals
    there = [plain(r) for r in document.get("relations", ())]
    return {
        "tasks": TASKS,
        "targets": [*map(_target_shown, document.get("targets", ())), *[{}] * SPARE],
        "subgroups": [*map(_group_shown, document.get("subgroups", ())), *[{}] * SPARE],
        "predictable": _predictable(project),
        "grouping": [
            n for n, c in project.columns.items() if c["kind"] not in ("identifier", "image")
        ],
        "could_be": {
            part: [(n, words(p)) for n, p in enumerate(_proposed(project, part)) if p is not None]
            for part, words in (("targets", _target_words), ("subgroups", _group_words))
        },
        "proposals": [
            (number, _line(p), p in there)
            for number, p in enumerate(proposals.get("relations", ()))
        ],
        "further": _further(project),
        "seen": _seen(project),
        "yaml": dumped(
            {k: document[k] for k in ("targets", "subgroups", *FURTHER) if k in document}
        ),
    }


def take(session: Session, form: Form) -> str:
    """Say what is predicted and who is served."""
    project = session.open
    check_seen(form, _seen(project))
    targets = [t for n in range(_count(form, "t")) if (t := _target(form, n, project))]
    groups = [g for n in range(_count(form, "g")) if (g := _group(form, n, project))]
    targets += [_proposed(project, "targets")[int(n)] for n in form.get("targets", ())]
    groups += [_proposed(project, "subgroups")[int(n)] for n in form.get("subgroups", ())]
    parts: Document = {"targets": targets, "subgroups": groups} | _said_further(form, project)
    proposals = project.state.proposals.get("relations", ())
    wanted = [proposals[int(number)] for number in form.get("relation", ())]
    kept = [r for r in parts.get("relations") or () if plain(r) not in proposals]
    parts["relations"] = [*kept, *wanted] or None
    project = project.saying(**parts)
    project.schema()
    session.keep(project)
    return "check" if one(form, "go") else NAME


def _proposed(project: Project, part: str) -> list[Any]:
    """Targets or subgroups that a draft proposes, None for what is there already or has lost its column.

    Bands end where the column does now, and not where the rows did.
    """
    there = {t.get("column") for t in project.document.get(part, ())}
    found: list[Any] = []
    for entry in project.state.proposals.get(part, ()):
        column = project.columns.get(entry.get("column"))
        taken = column is None or column["kind"] == "identifier" or entry["column"] in there
        bands, bounds = entry.get("bands"), (column or {}).get("bounds")
        if bands and bounds:
            inner = [b for b in bands[1:-1] if bounds[0] < b < bounds[1]]
            entry = {**entry, "bands": [bounds[0], *inner, bounds[1]]}
        found.append(None if taken else entry)
    return found


def _target_words(target: Document) -> str:
    return f"{target['column']} is {' or '.join(target.get('positive', ()))}"


def _group_words(group: Document) -> str:
    bands = ", ".join(f"{b:g}" for b in group.get("bands", ()))
    return f"{group['column']}{f', in bands {bands}' if bands else ''}"


def _seen(project: Project) -> str:
    """By what a page goes whose ticks are numbers of proposals and whose lines those of what is there."""
    there = [project.document.get(part) for part in ("targets", "subgroups")]
    return digest(plain([project.state.proposals, there]))


def _further(project: Project) -> str:
    said = {k: project.document[k] for k in FURTHER if project.document.get(k)}
    return dumped(said) if said else ""


def _said_further(form: Form, project: Project) -> Document:
    try:
        said = yaml.safe_load(one(form, "further")) or {}
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise InputError(f"what else holds: line {line} is no YAML") from None
    if not isinstance(said, dict) or set(said) - set(FURTHER):
        raise InputError(f"what else holds: expected only {', '.join(FURTHER)}")
    return {key: said.get(key) for key in FURTHER}


def _predictable(project: Project) -> dict[str, list[str]]:
    """By column, its categories; none for numbers."""
    kinds = ("categorical", "ordinal", "integer", "float")
    return {n: c.get("categories") or [] for n, c in project.columns.items() if c["kind"] in kinds}


def _target_shown(target: Document) -> Document:
    values = target.get("positive") or target.get("event_values") or ()
    return {
        "task": target["task"],
        "column": target.get("column") or target.get("event"),
        "values": ", ".join(map(str, values)),
        "time": target.get("time", ""),
        "said": plain(target),
    }


def _target(form: Form, number: int, project: Project) -> Document | None:
    task, column = one(form, f"t{number}.task"), one(form, f"t{number}.column")
    if not task or not column:
        return None
    values = _list(one(form, f"t{number}.values"))
    before = project.document.get("targets", ())
    beside = (
        {k: v for k, v in before[number].items() if k == "without"} if number < len(before) else {}
    )
    found: Document = {"task": task}
    if task == "survival":
        time = one(form, f"t{number}.time")
        if not time:
            raise InputError(f"{column}: time to an event needs the column that holds the time")
        return found | {"time": time, "event": column, "event_values": values or ["1"]} | beside
    if task == "classification":
        if not values:
            known = project.columns[column].get("categories") or []
            raise InputError(
                f"{column}: which value means yes? Write it beside the column"
                + (f": one of {', '.join(map(str, known))}" if known else "")
            )
        return found | {"column": column, "positive": values} | beside
    return found | {"column": column} | beside


def _group_shown(group: Document) -> Document:
    sizes = group.get("public_sizes") or {}
    return {
        "column": group["column"],
        "bands": ", ".join(f"{b:g}" for b in group.get("bands") or ()),
        "sizes": ", ".join(f"{name}: {size}" for name, size in sizes.items()),
        "said": plain(group),
    }


def _group(form: Form, number: int, project: Project) -> Document | None:
    column = one(form, f"g{number}.column")
    if not column:
        return None
    before = project.document.get("subgroups", ())
    named = {k: v for k, v in before[number].items() if k == "name"} if number < len(before) else {}
    found: Document = {"column": column} | (
        named if named and before[number]["column"] == column else {}
    )
    if bands := _list(one(form, f"g{number}.bands")):
        try:
            found["bands"] = [float(b) if "." in b else int(b) for b in bands]
        except ValueError:
            raise InputError(f"{column}: bands: expected numbers, as 18, 40, 65, 100") from None
    if sizes := one(form, f"g{number}.sizes"):
        found["public_sizes"] = _sizes(column, sizes)
    return found


def _sizes(column: str, text: str) -> dict[str, int]:
    try:
        pairs = [part.rsplit(":", 1) for part in text.split(",")]
        return {name.strip(): int(size) for name, size in pairs}
    except ValueError:
        raise InputError(f"{column}: public sizes: expected F: 1200, M: 900") from None


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _count(form: Form, letter: str) -> int:
    numbers = [
        int(n.split(".")[0][1:]) for n in form if n[0] == letter and n[1:].split(".")[0].isdigit()
    ]
    return max(numbers, default=-1) + 1


def _line(entry: Any) -> str:
    line: str = yaml.safe_dump(plain(entry), default_flow_style=True, sort_keys=False, width=10**6)
    return line.strip()
