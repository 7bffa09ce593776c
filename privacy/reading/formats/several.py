"""What a path stands for where it may hold several tables: a folder its files, a workbook its sheets.

Privacy claim: none; looks at names and, of a workbook, at which sheets hold anything.
"""

from __future__ import annotations

from pathlib import Path

from privacy.reading.formats.holders import apart, is_there, joint, may_hold_several
from privacy.reading.formats.kinds import check_content, kind_of
from privacy.reading.formats.parts import is_parts
from privacy.reading.formats.query import tables_in as tables_of_query
from privacy.reading.formats.workbook import sheets_in


def tables_in(path: Path) -> list[Path]:
    """The files of a folder, the sheets of a workbook, the tables of a query; of anything else itself."""
    if path.is_dir() and not is_parts(path):
        return [p for p in sorted(path.iterdir()) if p.is_file() or is_parts(p)]
    if apart(path)[1] is not None or not may_hold_several(path) or not is_there(path):
        return [path]
    kind = kind_of(path)
    if kind is not None:
        check_content(path, kind)
    names = tables_of_query(path) if kind == "query" else sheets_in(path)
    return [joint(path, name) for name in names] if len(names) > 1 else [path]
