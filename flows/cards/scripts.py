"""Three lines in R, Stata, SAS and Python that load a file of Stata, SPSS or SAS, for whoever is handed it.

Sources: the documentation of haven, of Stata's ``use``, ``import spss`` and ``import sasxport8``, of SAS's
``%XPT2LOC`` and ``PROC IMPORT``, and of pyreadstat. Only the Python lines are run by tests.

Privacy claim: none needed; names public files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

READERS = {".dta": "dta", ".sav": "sav", ".zsav": "sav", ".xpt": "xpt"}
STATA = {
    ".dta": 'use "{}", clear',
    ".sav": 'import spss using "{}", clear',
    ".zsav": 'import spss using "{}", zsav clear',
    ".xpt": 'import sasxport8 "{}", clear',
}
SAS = {
    ".dta": 'proc import datafile="{}" out=work.{} dbms=dta replace; run;',
    ".sav": 'proc import datafile="{}" out=work.{} dbms=sav replace; run;',
    ".zsav": 'proc import datafile="{}" out=work.{} dbms=sav replace; run;',
    ".xpt": '%xpt2loc(libref=work, memlist=_all_, filespec="{}");',
}


def scripts(files: Mapping[str, Path], notes: Sequence[str]) -> dict[str, str]:
    """By ending, a script that loads each file under its name. ``notes``: what the rows are, on top.

    ``files``: all of one format, and in the folder that the script is run in.
    """
    r = [
        f"{n} <- haven::as_factor(haven::read_{_reader(f)}({_text(f.name)}))"
        for n, f in files.items()
    ]
    stata = [line for f in files.values() for line in (STATA[f.suffix].format(f.name), "describe")]
    sas = [SAS[f.suffix].format(f.name, name) for name, f in files.items()]
    python = [f"{n}, about_{n} = {_python(f)}" for n, f in files.items()]
    told = " ".join(notes)
    return {
        ".R": _script(f"# {told}", ['# install.packages("haven")', *r]),
        ".do": _script(f"* {told}", stata),
        ".sas": _script(f"/* {told.replace('*/', '* /')} */", sas),
        ".py": _script(f"# {told}", ["import pyreadstat", "", *python]),
    }


def _python(file: Path) -> str:
    """SAS's transport files have no labels of values to apply."""
    name = _text(file.name)
    if file.suffix == ".xpt":
        return f"pyreadstat.read_xport({name})"
    return f"pyreadstat.read_{_reader(file)}({name}, apply_value_formats=True)"


def _reader(file: Path) -> str:
    return READERS[file.suffix]


def _text(name: str) -> str:
    doubled = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{doubled}"'


def _script(first: str, lines: Sequence[str]) -> str:
    return "\n".join([" ".join(first.split()), *lines, ""])
