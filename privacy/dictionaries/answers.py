"""The answers of REDCap fields: what an export writes for each.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Row = Mapping[str, str]
"""A field, by the names of ``privacy.dictionaries.redcap.COLUMNS``."""
YES_NO = {False: {"1": "yes", "0": "no"}, True: {"Yes": "", "No": ""}}
TRUE_FALSE = {False: {"1": "true", "0": "false"}, True: {"True": "", "False": ""}}
CHECKED = {False: {"0": "not checked", "1": "checked"}, True: {"Unchecked": "", "Checked": ""}}
"""What an export writes, and what it stands for: codes, or labels."""

SAID = {
    "yesno": {"1": "Yes", "0": "No"},
    "truefalse": {"1": "True", "0": "False"},
    "checkbox": {"0": "Unchecked", "1": "Checked"},
}


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


def answers(row: Row, labels: bool, choice: str | None = None) -> dict[str, str] | None:
    """Codes → what an export writes; of a checkbox for one ``choice``. None where they are not listed."""
    kind = row["type"].lower()
    if (kind == "checkbox") != (choice is not None):
        return None
    listed = choices(row["choices"]) if kind in ("radio", "dropdown") else {}
    known = SAID.get(kind, listed)
    return {code: plain(text) if labels else code for code, text in known.items()} or None
