"""The house: imports run one way, the core is free of Prefect, and GPL code stays out of the packages."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "privacy": set(),
    "generators": {"privacy"},
    "evaluators": {"privacy"},
    "flows": {"privacy", "generators", "evaluators"},
}
PREFECT_LIVES_IN = {
    ROOT / "flows" / f"{name}.py"
    for name in ("release", "evaluate", "approve", "benchmark", "gpu", "deployments", "server")
}
MODULES = sorted(p for package in MAY_IMPORT for p in (ROOT / package).rglob("*.py"))
FLOORS = {
    "privacy": (
        {"errors"},
        {"files", "unnamed", "noise", "worker", "schema"},
        {"partition_selection", "histogram", "reading", "records", "accounting"},
        {"determined", "histories", "dictionaries"},
        {"people"},
        {"ledger", "stored"},
        {"domain", "table"},
        {"recognise"},
    ),
    "generators": (
        {"base", "rows"},
        {"marginals", "dpsgd", "synthcity", "asked"},
        {"deep", "histories"},
        {"images"},
        {"registry"},
        {"selection", "alone"},
    ),
    "evaluators": (
        {"score", "features", "resampling", "pace"},
        {"tables", "mixed", "policy", "words", "noticed", "verdict"},
        {"utility", "assessable", "original"},
        {"fidelity", "inference"},
        {"images"},
        {"attacks", "charged"},
        {"synthcity", "gate", "histories"},
        {"pages"},
        {"evaluate"},
    ),
    "evaluators.pages": (
        {"drawing"},
        {"parts"},
        {"histories"},
        {"report"},
        {"comparison", "leaderboard"},
    ),
    "flows": (
        {"frames", "server"},
        {"stages"},
        {"label", "audit", "gpu"},
        {"cards", "checking"},
        {"bundle"},
        {"judging"},
        {"pipelines"},
        {"release"},
        {"evaluate", "approve", "benchmark"},
        {"deployments", "wizard"},
        {"commands"},
    ),
}
"""The rooms and loose files of each wing, from below: what stands on a floor imports what is below it."""
ELSEWHERE = {"synthcity", "anonymeter"}
"""Lives in an environment of a worker's own."""


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module).split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    ours = set(imported(path)) & set(MAY_IMPORT) - {package}
    assert ours <= MAY_IMPORT[package]


def names_of(path):
    """Every name that is imported, in full: module, and whatever is taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("wing", FLOORS)
def test_inside_a_wing_imports_run_down_its_floors(wing):
    folder = ROOT / wing.replace(".", "/")
    floor = {room: number for number, rooms in enumerate(FLOORS[wing]) for room in rooms}
    there = {p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert there - {"__init__"} == set(floor)
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        ours = {
            n.removeprefix(f"{wing}.").split(".")[0]
            for n in names_of(path)
            if n.startswith(f"{wing}.")
        }
        up = {other for other in ours - {room} if floor[other] >= floor[room]}
        assert not up, f"{path.relative_to(ROOT)} imports {up}"


def test_rooms_hold_a_dozen_files():
    rooms = Counter(p.parent for p in MODULES if p.name != "__init__.py")
    assert not {str(room.relative_to(ROOT)): n for room, n in rooms.items() if n > 14}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_flows_know_prefect_and_nobody_imports_gpl_code(path):
    names = set(imported(path))
    assert "sksurv" not in names
    assert not names & ELSEWHERE or path.parent.name == "workers"
    assert "prefect" not in names or path in PREFECT_LIVES_IN


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.relative_to(ROOT).parts[0] in ("privacy", "generators")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_no_numpy_noise_on_private_paths(path):
    """Noise comes from OpenDP; numpy's generators draw synthetic rows and coins, never normal or Laplace."""
    text = path.read_text(encoding="utf-8")
    assert not any(
        word in text for word in (".normal(", ".laplace(", ".standard_normal(", "random.seed(")
    )
