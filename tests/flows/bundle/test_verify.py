"""``understudy verify``: a good release holds, every tampering is found, and what cannot be checked is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.bundle.candidate import Candidate, settle
from flows.bundle.manifest import manifest
from flows.bundle.verify import Bundle, _croissant, _parquet, _rows, verify
from flows.bundle.write import _public
from flows.commands.main import app
from flows.frames.export import stored_synthetic, write_rows
from flows.stages.run import write_json
from privacy.errors import InputError
from privacy.reading.formats import delimited
from privacy.stored import rows
from privacy.stored.rows import Rows
from tests.flows.frames import test_export
from tests.flows.frames.test_export import SCHEMAS, drawn
from tests.flows.label.test_provenance import bundle_of, work_of
from tests.flows.test_evaluation import CHARGED, EVALUATION

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public folder of a release that a person approved, with figures that were charged."""
    charged: dict[str, Any] = {"policy": CHARGED, "evaluation": EVALUATION, "holdout": 0.4}
    folder = tmp_path_factory.mktemp("approved")
    run = bundle_of(work_of(folder, approval="person", **charged)).parent
    settle(run, Candidate.of(run).hash, "approved", "Ada", "the card is fine")
    return run / "bundle" / "public"


@pytest.fixture
def public(approved: Path, tmp_path: Path) -> Path:
    """A copy, in a folder of another name, as whoever receives it has it."""
    return Path(shutil.copytree(approved, tmp_path / "received"))


def wrong(folder: Path) -> list[str]:
    return [f.text for f in verify(folder) if f.status == "wrong"]


def remade(folder: Path) -> None:
    """Whoever tampers writes a manifest of what is there now, and an approval of it."""
    for name in ("manifest.json", "approval.json"):
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "manifest.json", manifest(folder))
    write_json(folder / "approval.json", {"candidate": Bundle.of(folder).digest})


def test_a_good_release_holds_and_what_cannot_be_checked_is_named(public: Path) -> None:
    found = verify(public)
    assert {f.status for f in found} == {"holds", "unchecked"}
    assert sum(f.status == "holds" for f in found) == 10
    unchecked = " ".join(f.text for f in found if f.status == "unchecked")
    for named in (
        "from the mechanism",
        "ledger verify --label",
        "schema was public",
        "who decided",
    ):
        assert named in unchecked
    done = CliRunner().invoke(app, ["verify", str(public)])
    assert done.exit_code == 0, done.output
    assert Bundle.of(public).digest in done.output
    remade(public)
    assert wrong(public) == []


def test_a_release_by_policy_alone_holds_and_takes_no_approval(tmp_path: Path) -> None:
    public = bundle_of(work_of(tmp_path)) / "public"
    assert wrong(public) == []
    (public / "approval.json").write_text("{}")
    assert any("approval.json: not in the manifest" in text for text in wrong(public))


def append(folder: Path) -> None:
    with (folder / "data.csv").open("a") as file:
        file.write("\n")


def label(change: Callable[[dict[str, Any]], Any]) -> Change:
    def tamper(folder: Path) -> None:
        content = json.loads((folder / "label.json").read_text("utf-8"))
        change(content)
        write_json(folder / "label.json", content)

    return tamper


def text(name: str, old: str, new: str) -> Change:
    def tamper(folder: Path) -> None:
        content = (folder / name).read_text("utf-8")
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1), "utf-8")

    return tamper


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (append, "data.csv: not the file of the manifest"),
        (lambda f: (f / "real.csv").write_text("a"), "real.csv: not in the manifest"),
        (lambda f: (f / "more").mkdir(), "more: not in the manifest"),
        (lambda f: (f / "card.html").unlink(), "card.html: missing"),
        (lambda f: (f / "data.parquet").unlink(), "data.parquet: missing"),
        (lambda f: (f / "approval.json").unlink(), "approval.json: missing"),
        (text("approval.json", '"candidate": "', '"candidate": "0'), "another manifest"),
        (text("manifest.json", "\n", "\n\n"), "another manifest"),
    ],
)
def test_other_files_than_those_approved_are_found(
    public: Path, tamper: Change, named: str
) -> None:
    tamper(public)
    assert any(named in line for line in wrong(public)), wrong(public)
    assert CliRunner().invoke(app, ["verify", str(public)]).exit_code == 3


def dearer(content: dict[str, Any]) -> None:
    event = content["accounting"]["events"][0]["event"]
    event["events"].append({"type": "ZCDpEvent", "rho": 0.01, "xi": 0.0})


def claims(content: dict[str, Any]) -> None:
    claim = {"type": "ClaimedDpEvent", "epsilon": 0.1, "delta": 0.0, "by": "somebody"}
    content["accounting"]["events"] = [{"purpose": "fit", "event": claim}]


def other_cell(folder: Path) -> None:
    table = pq.read_table(folder / "data.parquet")
    ages = table["age"].to_pylist()
    ages[0] = 18 if ages[0] != 18 else 19
    place = table.column_names.index("age")
    changed = table.set_column(place, table.field("age"), pa.array(ages, table["age"].type))
    pq.write_table(changed, folder / "data.parquet")


def last_row(folder: Path) -> None:
    lines = (folder / "data.csv").read_text().splitlines(keepends=True)
    (folder / "data.csv").write_text("".join(lines[:-1]))


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (label(lambda c: c["guarantee"].update(epsilon=1.5)), "its events cost ε = 1.9999"),
        (label(lambda c: c["guarantee"].update(epsilon=9.0)), "registry.yaml: ε = 1.9999"),
        (label(lambda c: c["guarantee"].update(delta=1e-9)), "its events cost ε"),
        (label(dearer), "its events cost ε"),
        (label(claims), "the generator's event is not among"),
        (
            label(lambda c: c["accounting"]["ledger"].update(data_set_epsilon_budget=1.0)),
            "has spent ε = 1.9999",
        ),
        (label(claims), "an event is somebody's claim"),
        (
            label(lambda c: c["evaluation"]["guarantee"].update(epsilon=0.1)),
            "what the people held out were asked cost ε = 1.5",
        ),
        (label(lambda c: c["risk"].update(membership_advantage=0.01)), "membership_advantage 0.01"),
        (label(lambda c: c["risk"].update(in_words="At most 51 times in 100.")), "another figure"),
        (label(lambda c: c["guarantee"].update(unit="row")), "unit 'row'"),
        (label(lambda c: c["guarantee"].update(max_rows_per_unit=9)), "rows a unit 9"),
        (label(lambda c: c["decision"].update(decision="veto")), "'veto'"),
        (label(lambda c: c.update(release={})), "KeyError: 'data_set'"),
        (text("data.csv", ",F,", ",Q,"), "undeclared category 'Q'"),
        (text("schema.yaml", "bounds: [18.0, 97.0]", "bounds: [18, 50]"), "outside 18 to 50"),
        (last_row, "synthetic rows, but data.csv holds"),
        (other_cell, "data.parquet: column 'age'"),
        (text("registry.yaml", "epsilon: 1.9", "epsilon: 1.2"), "registry.yaml: ε = 1.2999"),
        (text("croissant.json", '"privacy/epsilon": 1.9', '"privacy/epsilon": 1.2'), "croissant.json: ε"),
        (text("README.md", "**ε = 2", "**ε = 1"), "README.md: does not say ε = 2"),
        (text("card.html", "ε = 2<", "ε = 1<"), "card.html: does not say ε = 2"),
    ],
)  # fmt: skip
def test_files_that_contradict_each_other_are_found_under_any_manifest(
    public: Path, tamper: Change, named: str
) -> None:
    tamper(public)
    remade(public)
    assert any(named in line for line in wrong(public)), wrong(public)


def test_a_label_of_any_shape_is_told_in_lines_and_no_traceback(public: Path) -> None:
    content = json.loads((public / "label.json").read_text("utf-8"))
    for key in (
        "guarantee",
        "accounting",
        "risk",
        "decision",
        "evaluation",
        "public_facts_assumed",
    ):
        for value in ("x", {"events": [{"event": {"type": "ZCDpEvent", "rho": "a"}}]}):
            write_json(public / "label.json", content | {key: value})
            done = CliRunner().invoke(app, ["verify", str(public)])
            assert done.exit_code in (2, 3), (key, value, done.exception)
            assert done.exception is None or isinstance(done.exception, SystemExit), key


def test_a_folder_of_before_is_told_what_it_lacks(public: Path) -> None:
    def older(content: dict[str, Any]) -> None:
        del content["risk"], content["provenance"]
        content["decision"] = {k: content["decision"][k] for k in ("decision", "policy", "figures")}

    label(older)(public)
    (public / "registry.yaml").unlink()
    for name in ("croissant.json", "README.md"):  # they name label.json by its digest
        before = Bundle.of(public).files["label.json"]
        now = manifest(public)["files"]
        after = next(f["sha256"] for f in now if f["name"] == "label.json")
        text(name, before, after)(public)
    remade(public)
    found = verify(public)
    assert [f.text for f in found if f.status == "wrong"] == []
    lacking = [f.text for f in found if f.status == "lacking"]
    assert [t.split(":")[0] for t in lacking] == ["what any attack can reach", "registry.yaml"]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_rows_and_pictures_of_every_kind_are_read_back(kind: str, tmp_path: Path) -> None:
    schema = SCHEMAS[kind]
    _public(tmp_path / "public", schema, test_export.label(schema), Rows.of(drawn(schema)))
    bundle = Bundle.of(tmp_path / "public")
    assert [*_rows(bundle), *_parquet(bundle)] == []
    if schema.image is not None:
        with np.load(bundle.folder / "data.npz") as arrays:
            values = dict(arrays)
        values[schema.image] = 255 - values[schema.image]
        np.savez_compressed(bundle.folder / "data.npz", **values)
        assert list(_parquet(bundle)) == ["data.npz: other pictures than in images/"]


def parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A folder whose table is large enough for parts."""
    schema = test_export.SCHEMA
    drawn(schema).pipe(write_rows, schema, tmp_path / "synthetic.csv")
    monkeypatch.setattr(rows, "AT_ONCE", 4)
    monkeypatch.setattr("flows.frames.export.PART", 7)
    stored = stored_synthetic(tmp_path / "synthetic.csv", schema, tmp_path)
    _public(tmp_path / "public", schema, test_export.label(schema), stored)
    return Bundle.of(tmp_path / "public")


def test_a_table_in_parts_is_read_back_and_a_part_that_is_not_its_own_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = parted(tmp_path, monkeypatch)
    folder = bundle.folder / "data.parquet"
    for at_once in (1, 3, 1000):
        monkeypatch.setattr("flows.bundle.verify.AT_ONCE", at_once)
        monkeypatch.setattr(delimited, "BLOCK", 1 << (9 if at_once == 3 else 24))
        assert [*_rows(bundle), *_parquet(bundle), *_croissant(bundle)] == []
    first, *_, last = sorted(folder.iterdir())
    last.rename(folder / "part-00000a.parquet")  # rows in another order
    assert list(_parquet(bundle))
    (folder / "part-00000a.parquet").rename(last)
    last.unlink()
    assert list(_parquet(bundle)), "rows are missing"
    shutil.copy(first, last)
    assert list(_parquet(bundle)), "rows of another part"


ODD_PARTS: dict[str, Change] = {
    "a folder below": lambda parts: _copied(parts, "more/part-00000.parquet"),
    "another ending": lambda parts: _copied(parts, "part-00000.pq"),
    "hidden by _": lambda parts: _moved(parts, "_part-00000.parquet"),
    "hidden by .": lambda parts: _moved(parts, ".part-00000.parquet"),
    "one more": lambda parts: _copied(parts, "part-00099.parquet"),
}


def _copied(parts: Path, name: str) -> None:
    (parts / name).parent.mkdir(exist_ok=True)
    shutil.copy(parts / "part-00000.parquet", parts / name)


def _moved(parts: Path, name: str) -> None:
    (parts / "part-00000.parquet").rename(parts / name)


@pytest.mark.parametrize("how", ODD_PARTS)
def test_what_other_readers_would_read_otherwise_is_found(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pandas reads whatever lies in the folder, others skip what begins with _ or a dot."""
    bundle = parted(tmp_path, monkeypatch)
    assert list(_parquet(bundle)) == []
    ODD_PARTS[how](bundle.folder / "data.parquet")
    assert any("data.parquet/" in line for line in _parquet(bundle))


def test_a_part_without_a_digest_in_croissant_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = parted(tmp_path, monkeypatch)
    path = bundle.folder / "croissant.json"
    content = json.loads(path.read_text("utf-8"))
    files = [f for f in content["distribution"] if f["@id"] != "data.parquet/part-00001.parquet"]
    path.write_text(json.dumps(content | {"distribution": files}), "utf-8")
    assert list(_croissant(bundle)) == [
        "croissant.json: does not name data.parquet/part-00001.parquet"
    ]
    for file in files:
        file.pop("sha256", None)
    path.write_text(json.dumps(content | {"distribution": files}), "utf-8")
    with pytest.raises(KeyError):  # which is told as a file that cannot be checked
        list(_croissant(bundle))


@pytest.mark.parametrize("name", ["manifest.json", "label.json", "nowhere/label.json"])
def test_what_is_no_release_is_bad_input(public: Path, name: str) -> None:
    (public / name).unlink(missing_ok=True)
    folder = (public / name).parent
    done = subprocess.run(
        [sys.executable, "-c", "from flows.commands.main import main; main()", "verify", str(folder)],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "give the folder that was published" in done.stderr


def test_a_link_is_not_followed(public: Path) -> None:
    (public / "data.csv").rename(public.parent / "elsewhere.csv")
    (public / "data.csv").symlink_to(public.parent / "elsewhere.csv")
    with pytest.raises(InputError, match=r"data\.csv: a link"):
        verify(public)


def test_it_answers_without_prefect_and_torch() -> None:
    script = "import sys, flows.bundle.verify; print({'prefect', 'torch'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
