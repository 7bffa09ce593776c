"""The answers of REDCap fields: what an export writes for each, and which field is asked after which answer.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Row = Mapping[str, str]
"""A field, by the names of ``privacy.dictionaries.redcap.COLUMNS``."""
SHOWN_IF = re.compile(r"\s*\[(\w+)(?:\((\w+)\))?\]\s*=\s*(['\"])([^'\"]*)\3\s*")
YES_NO = {False: {"1": "yes", "0": "no"}, True: {"Yes": "", "No": ""}}
TRUE_FALSE = {False: {"1": "true", "0": "false"}, True: {"True": "", "False": ""}}
CHECKED = {False: {"0": "not checked", "1": "checked"}, True: {"Unchecked": "", "Checked": ""}}
"""What an export writes, and what it stands for: codes, or labels."""

SAID = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}


def choices(text: str) -> dict[str, str]:
    r"""Codes and labels: ``1, Male | 2, Female``; older files part them by ``\n``."""
    parts = re.split(r"\||\\n|\n", text)
    pairs = (part.partition(",") for part in parts if part.strip())
    return {code.strip(): label.strip() or code.strip() for code, _, label in pairs}


def coded(row: Row, labels: bool) -> dict[str, str]:
    """What an export writes for the choices of a field, with what it means."""
    found = choices(row["choices"])
    return dict.fromkeys(map(plain, found.values()), "") if labels else found


def plain(label: str) -> str:
    """A label as an export writes it: without marks of HTML."""
    return " ".join(re.sub(r"<[^<>]{1,500}>", "", label).split())


def box(code: str) -> str:
    """A choice of a checkbox as the name of its column ends."""
    return re.sub("[^a-z0-9_]", "_", code.lower())


def shown(said: Sequence[Row], labels: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By field, the one answer that it is asked with, where that is all its branching logic says."""
    kinds = {row["name"]: row for row in said}
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for row in said:
        told = SHOWN_IF.fullmatch(row["branching"])
        of = kinds.get(told[1]) if told else None
        if told is None or of is None or row["type"] == "checkbox":
            continue
        column, choice, value = told[1], told[2], told[4]
        if choice is not None:
            column, answers = f"{column}___{box(choice)}", {"0": "Unchecked", "1": "Checked"}
        else:
            answers = SAID.get(of["type"]) or choices(of["choices"])
        if value in answers:
            found[row["name"]] = column, (plain(answers[value]) if labels else value,)
    return found
