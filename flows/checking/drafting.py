"""A draft of a schema from private files, and what is to be told of how they were read.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from privacy.reading.draft import Draft, draft_schema
from privacy.reading.guesses.form import form_of, has_mark
from privacy.reading.several.draft import draft_of_several
from privacy.reading.several.proposal import files_in
from privacy.schema.schema import Csv


def draft(
    data: Sequence[Path],
    form: Csv = Csv(),  # noqa: B008 (frozen)
    unit: str | None = None,
) -> Draft:
    """A draft for one table, or for several that belong together, or for a folder of them.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises InputError for
    files that are not there or no tables, DataError for what is in them.
    """
    files = files_in(data)
    if len(files) > 1:
        return draft_of_several(files, form, unit)
    found = form_of(files[0], form)
    seen = found.model_dump(exclude_defaults=True).items()
    told = [
        f"{files[0]}: read with {setting} {value!r}, as it seems to be written"
        for setting, value in seen
        if value != getattr(form, setting)
    ]
    if has_mark(files[0]):
        told += [f"{files[0]}: begins with a byte-order mark, which is no part of the first name"]
    drafted = draft_schema(files[0], found, unit)
    return Draft(drafted.text, (*told, *drafted.told))
