"""``make demo``: the free light chain cohort is released under ε = 1, and what came out is told in five lines.

    python examples/demo.py [NAME ...]

AIM first, since it is what most people should take; then each other config of ``configs/releases/`` that is
named (``demo-ctgan`` where none is), as a comparison. The rows are public; here they play a hospital's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from flchain import main as write_cohort

from flows.stages.config import load_config
from flows.stages.run import Run

ROOT = Path(__file__).parents[1]
UNDERSTUDY = str(Path(sysconfig.get_path("scripts")) / "understudy")
FIRST, BESIDE = "demo", ("demo-ctgan",)
VETO = 3


def main(others: tuple[str, ...]) -> None:
    """Write the cohort, release it under each config, and sum up."""
    write_cohort(ROOT / "demo" / "flchain.csv")
    folders = [released(name) for name in (FIRST, *others)]
    page = ROOT / "demo" / "compare.html"
    understudy("compare", *folders, "--out", page)
    print("\n" + "\n".join(summary(folders, page)))


def released(name: str) -> Path:
    """The folder of a release; run anew, or resumed, or found done."""
    config = ROOT / "configs" / "releases" / f"{name}.yaml"
    wanted = load_config(config)
    print(
        f"\n== {name}: {wanted.generator['name']} at ε = {wanted.guarantee.epsilon:g}", flush=True
    )
    understudy("release", config)
    return Run.of(wanted).folder


def understudy(*words: str | Path) -> None:
    """Run a command as a person would; a veto is an answer, anything else is the end."""
    code = subprocess.run([UNDERSTUDY, *map(str, words)], check=False).returncode  # noqa: S603
    if code not in (0, VETO):
        sys.exit(code)


def summary(folders: list[Path], page: Path) -> list[str]:
    """What was decided, for whom, at what cost, what to open and what to try next."""
    labels = [read(folder / "bundle" / "internal" / "label.json") for folder in folders]
    verdicts = [read(folder / "bundle" / "internal" / "verdict.json") for folder in folders]
    first, verdict = labels[0], verdicts[0]
    cost = first["guarantee"]
    groups = {r["slice"] for r in verdict["reasons"] if r["slice"] != "all"}
    small = {r["slice"] for r in verdict["reasons"] if r["outcome"] == "note"}
    decisions = "; ".join(
        f"{label['release']['generator']['name']}: {verdict['decision']}"
        for label, verdict in zip(labels, verdicts, strict=True)
    )
    spent = labels[-1]["accounting"]["ledger"]
    public = folders[0] / "bundle" / "public" / "card.html"
    report = folders[0] / "bundle" / "internal" / "report.html"
    opened = [shown(f) for f in (public, report) if f.exists()]
    return [
        f"decided  {decisions}",
        f"for whom {first['release']['synthetic_rows']} synthetic people stand in for the cohort; "
        f"{len(groups)} groups looked at, {len(small)} of them too small to judge",
        f"cost     ε = {cost['epsilon']:.3g} at δ = {cost['delta']:g} for each person; "
        f"{spent['data_set_epsilon_spent']:.3g} of a lifetime's {spent['data_set_epsilon_budget']:g} are spent",
        f"open     {', '.join(opened)} (stays in the house), {shown(page)} (stays too)",
        "next     your own table: .venv/bin/understudy schema draft patients.csv (README.md); or make demo-all",
    ]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or BESIDE)
