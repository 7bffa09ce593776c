"""Self-contained HTML pages: one Jinja environment, and how figures are written for people.

Everything is escaped unless a function of ``evaluators.pages.drawing.plots`` or
``evaluators.pages.drawing.charts`` made it. Pages load nothing: fonts are the reader's, pictures and scripts
stand in the page itself. The only scripts a page may run are those whose digests its policy names, so a text
that were not escaped still could not run.

Privacy claim: none; a page is as public as what is put on it.
"""

from __future__ import annotations

import math
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def number(value: float | None, signed: bool = False) -> str:
    """A figure with three decimals, fewer where it is large: 0.812, 12.5, 7,874; None is a dash."""
    if value is None:
        return DASH
    if not math.isfinite(value):
        return "unlimited" if value > 0 else DASH
    if float(value).is_integer():
        digits = 0
    else:
        digits = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def loss(value: float | None) -> str:
    """A privacy parameter: significant digits rather than decimals, 1e-09 as 10⁻⁹ would be."""
    if value is None:
        return DASH
    if not math.isfinite(value):
        return "unlimited"
    if value != 0 and abs(value) < 1e-3:
        mantissa, exponent = f"{value:.3e}".split("e")
        head = mantissa.rstrip("0").rstrip(".")
        power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{power}" if head == "1" else f"{head} × 10{power}"
    return f"{value:.4g}"


def percent(share: float) -> str:
    """A share as a percentage; what rounds to nothing but is not is said to be small."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


@cache
def chart_scripts() -> tuple[tuple[Markup, str], ...]:
    """plotly.js (MIT) and what draws our charts with it, each with the digest that lets it run."""
    from plotly.offline import get_plotlyjs  # 5 MB of text, only for pages with charts

    texts = (get_plotlyjs(), (TEMPLATES / "charts.js").read_text("utf-8"))
    return tuple((Markup(text), _digest(text)) for text in texts)  # noqa: S704 (ours and plotly's)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def environment(*folders: Path) -> Environment:
    """The environment of our pages: ``folders`` first, then the shared templates."""
    env = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["chart_scripts"] = chart_scripts
    env.filters |= {
        "number": number,
        "loss": loss,
        "percent": percent,
        "whole": lambda value: number(round(value)),
        "capfirst": lambda text: text[:1].upper() + text[1:],
    }
    return env


def write_page(path: Path, env: Environment, template: str, context: dict[str, Any]) -> None:
    """Render ``template`` and write it as one UTF-8 file."""
    path.write_text(env.get_template(template).render(context), encoding="utf-8")
