"""The house: imports run one way, the core is free of Prefect, and GPL code stays out of the packages."""

import ast
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
    for name in ("release", "evaluate", "approve", "benchmark", "gpu", "deployments")
}
MODULES = sorted(p for package in MAY_IMPORT for p in (ROOT / package).rglob("*.py"))
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
