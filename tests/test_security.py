"""What reads files runs no code from them, and the files of a run are their owner's alone.

docs/security.md says what is protected how.
"""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from flows.stages import places
from flows.stages.config import load_config
from flows.stages.run import Run
from privacy.errors import InputError, LedgerError
from privacy.ledger.address import shown
from privacy.ledger.ledger import Ledger
from privacy.schema.documents import read_mapping
from tests.flows import clinic
from tests.flows.stages.test_steps import release

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    p for package in ("privacy", "generators", "evaluators", "flows", "benchmarks", "examples")
    for p in (ROOT / package).rglob("*.py")
)  # fmt: skip

UNPICKLERS = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
RUNNERS = {"eval", "exec", "compile", "__import__"}


def dangers(text: str) -> Iterator[str]:
    """Calls and imports that would run what stands in a file or in a text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in UNPICKLERS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            named = {k.arg: ast.unparse(k.value) for k in node.keywords}
            called = ast.unparse(node.func)
            last = called.split(".")[-1]
            if (
                called in RUNNERS
                or last in ("read_pickle", "to_pickle", "system", "popen")
                or called in ("yaml.unsafe_load", "yaml.full_load", "yaml.load_all")
                or (called == "yaml.load" and "_UniqueKeys" not in ast.unparse(node))
                or (called == "torch.load" and named.get("weights_only") != "True")
                or named.get("allow_pickle", "False") != "False"
                or named.get("shell", "False") != "False"
            ):
                yield called


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_runs_what_stands_in_a_file(path):
    assert list(dangers(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle", "from joblib import load", "import torch\ntorch.load(p)",
        "torch.load(p, weights_only=False)", "np.load(p, allow_pickle=True)", "pd.read_pickle(p)",
        "yaml.load(t, yaml.Loader)", "yaml.unsafe_load(t)", "eval(t)", "exec(t)",
        "subprocess.run(c, shell=True)", "os.system(c)", "__import__(n)",
    ],
)  # fmt: skip
def test_the_scan_finds_each_of_them(planted):
    assert list(dangers(planted))


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system ['touch hit']", "!!python/name:os.system", "!custom {a: 1}"],
)
@pytest.mark.parametrize("file", ["config", "schema", "policy"])
def test_no_yaml_file_can_run_code(tmp_path, monkeypatch, tag, file):
    monkeypatch.chdir(tmp_path)
    config = clinic.write(tmp_path)
    with (tmp_path / f"{file}.yaml").open("a") as opened:
        opened.write(f"more: {tag}\n")
    told = rf"{file}.yaml: not valid YAML: line \d+, column \d+: a tag"
    with pytest.raises(InputError, match=told):
        load_config(config).digest()
    assert not (tmp_path / "hit").exists()


def modes(folder: Path) -> dict[str, int]:
    return {str(f): stat.S_IMODE(f.stat().st_mode) for f in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize(("umask", "ledger"), [(0o022, "own/l.db"), (0, "sqlite:///own/l.db")])
@pytest.mark.usefixtures("few_questions")
def test_everything_a_run_writes_is_its_owner_s_alone(tmp_path, monkeypatch, umask, ledger):
    monkeypatch.chdir(tmp_path)
    config = clinic.write(tmp_path, evaluation={"epsilon": 1.5, "delta": 1e-5}, ledger=ledger)
    before = os.umask(umask)
    try:
        release(config)
    finally:
        os.umask(before)
    for place in ("runs", "own"):
        for path, mode in modes(tmp_path / place).items():
            assert mode == (0o700 if Path(path).is_dir() else 0o600), path


NAMES = ("../x", "a/b", "/tmp/x", "..", ".", ".hidden", "a b", "a\n", "-a", "a" * 101)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_named_plainly(tmp_path, name):
    config = load_config(clinic.write(tmp_path))
    with pytest.raises(InputError, match="a run's name is"):
        Run.of(config, name)


@pytest.fixture
def rooted(tmp_path, monkeypatch):
    """A deployment's folder, and something beside it."""
    root, beside = tmp_path / "root", tmp_path / "beside"
    clinic.write(root)
    clinic.write(beside)
    monkeypatch.setenv("UNDERSTUDY_ROOT", str(root))
    monkeypatch.chdir(root)
    return root, beside


def test_a_config_below_the_root_is_carried_out(rooted):
    root, _ = rooted
    Run.of(load_config(root / "config.yaml"))


def test_a_config_outside_the_root_is_refused(rooted):
    _, beside = rooted
    with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
        load_config(beside / "config.yaml")
    with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
        load_config("../beside/config.yaml")


@pytest.mark.parametrize(
    "key", ["schema", "data", "policy", "runs", "ledger", "inception", "public_images"]
)
@pytest.mark.parametrize("how", ["{beside}/{name}", "../beside/{name}", "link/{name}"])
def test_no_path_of_a_config_leaves_the_root(rooted, key, how):
    root, beside = rooted
    (root / "link").symlink_to(beside)
    name = {"data": "clinic.csv"}.get(key, f"{key}.yaml")
    config = clinic.write(root)
    said = yaml.safe_load(config.read_text()) | {key: how.format(beside=beside, name=name)}
    config.write_text(yaml.safe_dump(said))
    with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
        load_config(root / "config.yaml")


def test_no_other_way_leads_out_of_the_root(rooted):
    root, beside = rooted
    with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
        load_config(root / "config.yaml", (beside / "clinic.csv",))
    for url in (f"sqlite:///{beside}/ledger.db", "sqlite:///../beside/ledger.db"):
        clinic.write(root, ledger=url)
        with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
            load_config(root / "config.yaml")
    for url in (f"sqlite:///file:{beside}/ledger.db?uri=true", "sqlite:///:memory:", "sqlite://"):
        clinic.write(root, ledger=url)
        with pytest.raises(InputError, match="is a file; give its path"):
            load_config(root / "config.yaml")
    clinic.write(root)
    (root / "runs").mkdir()
    (root / "runs" / "mine").symlink_to(beside)
    with pytest.raises(InputError, match="outside UNDERSTUDY_ROOT"):
        Run.of(load_config(root / "config.yaml"), "mine")
    with pytest.raises(InputError, match="no usable path"):
        places.inside(Path("a\0b"))


WITH_PASSWORD = (
    "postgresql+psycopg://me:hunter2@host/db",
    "postgresql://host/db?user=me&password=hunter2",
)


@pytest.mark.parametrize("url", [*WITH_PASSWORD, "postgresql://me:hunter2@host:port/db"])
def test_a_password_in_a_config_is_refused_without_being_told(tmp_path, url):
    config = clinic.write(tmp_path, ledger=url)
    with pytest.raises(
        InputError, match=r"config.yaml: ledger: (holds a password|not a URL)"
    ) as caught:
        load_config(config)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["ledger: [{url}]", "ledgre: {url}", "ledger: {url} : x", "name: '{url}'", "ledger: *{url}"]
)  # fmt: skip
def test_a_mistake_beside_a_password_does_not_tell_it(tmp_path, line):
    config = clinic.write(tmp_path)
    text = "\n".join(
        x for x in config.read_text().splitlines() if not x.startswith(("ledger", "name"))
    )
    config.write_text(f"{text}\n{line.format(url=WITH_PASSWORD[0])}\n")
    with pytest.raises(InputError) as caught:
        load_config(config)
    assert "hunter2" not in str(caught.value)


def test_the_ledger_comes_from_the_environment_where_a_config_names_none(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_LEDGER", WITH_PASSWORD[0])
    config = load_config(clinic.write(tmp_path, ledger=""))
    assert config.ledger == WITH_PASSWORD[0]
    assert "hunter2" not in repr(Run.of(config))
    assert load_config(clinic.write(tmp_path)).ledger == str(tmp_path / "ledger.db")


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_a_url_is_shown_without_its_password(url):
    assert "hunter2" not in shown(url)
    assert "host" in shown(url)
    with pytest.raises(LedgerError) as caught:
        Ledger(url.replace("postgresql+psycopg", "mysql").replace("postgresql:", "mysql:"))
    assert "hunter2" not in str(caught.value)


def test_yaml_errors_name_the_place_and_quote_no_line(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\nledger: 'hunter2\n")
    with pytest.raises(InputError, match="line 3, column 1") as caught:
        read_mapping(tmp_path / "a.yaml")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("a: 'hunter2")
