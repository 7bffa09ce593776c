"""Values as they stand on one line of YAML.

Privacy claim: none; writes what it is given.
"""

from __future__ import annotations

from typing import Any

import yaml


def quoted(value: Any) -> str:
    """A value on one line of YAML, whatever signs it holds: a line more would say something else there."""
    dumped: str = yaml.dump(
        [value],
        Dumper=_OneLine,
        default_flow_style=True,
        width=10**9,
        allow_unicode=True,
        sort_keys=False,
    )
    return dumped.strip()[1:-1]


class _OneLine(yaml.SafeDumper):
    """Texts with signs that are not to be seen, as any kind of line break, are written with their codes."""


_OneLine.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)
