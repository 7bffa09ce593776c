"""Values as they stand on one line of YAML.

Privacy claim: none; writes what it is given.
"""

from __future__ import annotations

from typing import Any

import yaml


def quoted(value: Any) -> str:
    """A value on one line of YAML."""
    dumped: str = yaml.safe_dump(
        [value], default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return dumped.strip()[1:-1]
