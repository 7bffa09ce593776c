"""The command line as a person meets it: one-line errors, exit codes, and what it writes."""

import contextlib
import io
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from evaluators.assessable import smallest
from flows.commands.main import main
from flows.commands.terminal import console
from privacy.ledger.ledger import Ledger
from tests.flows import clinic
from tests.flows.stages.test_steps import release


def understudy(*words, cwd=None):
    """The command in this process; an error that it does not know is this test's."""
    out, err = io.StringIO(), io.StringIO()
    command = ["understudy", *map(str, words)]
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(cwd or Path.cwd()),
    ):
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
    return subprocess.CompletedProcess(
        command, ended.value.code or 0, out.getvalue(), err.getvalue()
    )


def by_itself(*words, cwd=None):
    """The command in a process of its own."""
    command = [
        sys.executable,
        "-c",
        "from flows.commands.main import main; main()",
        *map(str, words),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=cwd)


@pytest.fixture(scope="module")
def clinic_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    release(clinic.write(folder))
    return folder


def test_release_says_what_was_decided_and_where_to_look(clinic_folder):
    """The run is finished already, so the command only tells; it needs no server."""
    done = by_itself("release", clinic_folder / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert "APPROVED" in done.stdout
    assert "ε=2" in done.stdout
    assert "card.html" in done.stdout


def test_refused_rows_are_told_in_one_line_to_this_terminal(tmp_path):
    frame = clinic.rows()
    frame.loc[3, "sex"] = clinic.SECRET
    done = by_itself("release", clinic.write(tmp_path, frame=frame))
    assert done.returncode == 2
    error = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(error) == 1
    for named in ("clinic.csv", "'sex'", clinic.SECRET):
        assert named in error[0]
    assert "Traceback" not in done.stderr


def test_sample_repeats_by_seed_and_costs_nothing(clinic_folder, tmp_path):
    model = next(clinic_folder.glob("runs/*/bundle/internal/model"))
    before = (clinic_folder / "ledger.db").read_bytes()
    for name in ("a.csv", "b.csv"):
        done = understudy("sample", model, "-n", 50, "--seed", 7, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert len(pd.read_csv(tmp_path / "a.csv")) == 50
    assert (clinic_folder / "ledger.db").read_bytes() == before


def test_the_ledger_is_shown_and_verified(clinic_folder):
    ledger = clinic_folder / "ledger.db"
    shown = understudy("ledger", "show", "--ledger", ledger)
    assert "clinic" in shown.stdout
    label = next(clinic_folder.glob("runs/*/bundle/public/label.json"))
    assert understudy("ledger", "verify", "--ledger", ledger, "--label", label).returncode == 0
    other = label.with_name("other.json")
    other.write_text(label.read_text().replace('"charge": 2', '"charge": 3'))
    refused = understudy("ledger", "verify", "--ledger", ledger, "--label", other)
    other.unlink()
    assert refused.returncode == 2
    assert "not in this ledger" in refused.stderr


def test_a_ledger_is_read_at_eighty_columns(clinic_folder, monkeypatch):
    """No name is cut, and a charge takes two lines, with its ε and not its event."""
    monkeypatch.setattr(console, "width", 80)
    shown = understudy("ledger", "show", "--ledger", clinic_folder / "ledger.db").stdout
    run = next((clinic_folder / "runs").iterdir()).name
    assert run in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    (fit,) = (line for line in shown.splitlines() if "fit (train)" in line)
    assert fit.split()[-1] == "2"
    assert "DpEvent" not in shown
    words = ("ledger", "show", "--events", "--ledger", clinic_folder / "ledger.db")
    assert "DpEvent" in understudy(*words).stdout


def test_a_release_tells_what_the_people_held_out_paid(tmp_path):
    config = clinic.write(tmp_path, evaluation={"epsilon": 0.7, "delta": 1e-5})
    release(config)
    told = " ".join(understudy("release", config).stdout.split())
    assert "cost ε=2 at δ=1e-05 for each patient trained on, and ε=0.7 at δ=1e-05 for each" in told


def test_ctrl_c_ends_a_release_in_one_line_and_it_goes_on(tmp_path):
    config = clinic.write(tmp_path)
    # tests may run where interrupts are ignored, as in the background of a script
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from flows.commands.main import main; main()"
    command = [sys.executable, "-c", code, "release", config]
    begun = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in begun.stderr:
        if "judge begins" in line:
            begun.send_signal(signal.SIGINT)
            break
    rest = begun.stderr.read().strip().splitlines()
    assert begun.wait(timeout=60) == 130
    assert rest[-1].endswith(
        "the same command goes on where this one was, and nothing is charged twice"
    )
    assert not any("Traceback" in line for line in rest)
    charged = [c.purpose for c in Ledger(str(tmp_path / "ledger.db")).charges()]
    assert understudy("release", config).returncode == 0
    after = [c.purpose for c in Ledger(str(tmp_path / "ledger.db")).charges()]
    assert charged.count("fit") == after.count("fit") == 1


def test_schema_check_counts_and_draft_warns(clinic_folder, tmp_path):
    data = clinic_folder / "clinic.csv"
    checked = understudy("schema", "check", clinic_folder / "schema.yaml", data)
    assert checked.returncode == 0
    assert "clamped" in checked.stdout
    assert "private rows" in checked.stderr
    drafted = understudy("schema", "draft", data, "--out", tmp_path / "draft.yaml")
    assert drafted.returncode == 0
    assert "confirm" in drafted.stderr
    assert understudy("schema", "check", tmp_path / "draft.yaml", data).returncode == 2


def test_schema_check_counts_outcomes_in_the_rows_that_count(tmp_path):
    """Who has the event in the second row has none where one row counts."""
    rows = ["patient,visit,sick"]
    rows += [f"{i},{v},{'yes' if v == 2 else 'no'}" for i in range(600) for v in (1, 2)]
    (tmp_path / "visits.csv").write_text("\n".join(rows) + "\n")
    schema = {
        "name": "visits",
        "unit": "patient",
        "max_rows_per_unit": 3,
        "columns": {
            "patient": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [1, 3], "bins": 3},
            "sick": {"kind": "categorical", "categories": ["no", "yes"]},
        },
        "targets": [{"task": "classification", "column": "sick", "positive": ["yes"]}],
    }
    for most, told in ((3, False), (1, True)):
        (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema | {"max_rows_per_unit": most}))
        checked = understudy("schema", "check", tmp_path / "schema.yaml", tmp_path / "visits.csv")
        said = " ".join(checked.stdout.split())
        assert ("too few would be there" in said) is told
        assert (smallest(0.2) in said) is told


def test_schema_check_counts_rows_that_break_a_relation(tmp_path):
    (tmp_path / "stays.csv").write_text("start,end\n1,5\n7,3\n2,2\n9,1\n")
    days = "{kind: integer, bounds: [0, 10], bins: 5}"
    (tmp_path / "schema.yaml").write_text(
        f"name: stays\ncolumns: {{start: {days}, end: {days}}}\n"
        "relations: [{order: [start, end]}]\nimpossible: [{start: {min: 9}}]\n"
    )
    checked = understudy("schema", "check", tmp_path / "schema.yaml", tmp_path / "stays.csv")
    assert checked.returncode == 0
    told = " ".join(checked.stdout.split())
    assert "relations: 2 of 4 rows break 'start ≤ end', first row 2" in told
    assert "that is many" in told
    assert "impossible: 1 of 4 rows" in told


def test_an_approval_says_what_it_is_about_and_whose_word_it_was(tmp_path):
    from typer.testing import CliRunner

    from flows.bundle.candidate import Candidate
    from flows.commands.main import app

    run = release(clinic.write(tmp_path, approval="person")).parent
    shown = Candidate.of(run).hash
    words = ["approve", str(run), "--reviewer", "Ada", "--reason", "the card is fine"]
    asked = CliRunner().invoke(app, words)
    assert "no terminal" in str(asked.exception)
    assert "say which files" in str(CliRunner().invoke(app, [*words, "--yes"]).exception)
    done = CliRunner().invoke(app, [*words, "--yes", "--candidate", shown])
    assert done.exit_code == 0
    for told in ("ε=2", shown, "card.html", "report.html", "APPROVED", "by Ada"):
        assert told in done.output
    ledger = ["ledger", "show", "--ledger", str(tmp_path / "ledger.db")]
    assert "Decisions" in CliRunner().invoke(app, ledger).output
    verified = CliRunner().invoke(
        app, ["ledger", "verify", "--ledger", str(tmp_path / "ledger.db")]
    )
    assert "1 decisions, chain whole" in verified.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("release", "nowhere.yaml"), "nowhere.yaml"),
        (("sample", "nowhere", "-n", "5"), "nowhere"),
        (("sample", "nowhere", "-n", "0"), "-n"),
        (("ledger", "show", "--ledger", "nowhere.db"), "nowhere.db"),
        (("schema", "check", "nowhere.yaml", "x.csv"), "nowhere.yaml"),
        (("realease",), "release"),
    ],
)
def test_mistakes_exit_with_two_and_no_traceback(words, named, tmp_path):
    done = by_itself(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stranger_s_file_is_read_as_the_caller_says(tmp_path):
    columns = {
        "x": {"kind": "float", "bounds": [0, 100], "bins": 5},
        "ill": {"kind": "categorical", "categories": ["0", "1"]},
    }
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"name": "t", "columns": columns}))
    real = pd.DataFrame({"x": [i / 2 for i in range(200)], "ill": [i % 2 for i in range(200)]})
    real.to_csv(tmp_path / "real.csv", index=False)
    codes = real.assign(ill=real["ill"].astype(float))
    codes.to_csv(tmp_path / "syn.csv", sep=";", decimal=",", index=False)
    words = ["evaluate", "s.yaml", "--real", "real.csv", "--synthetic", "syn.csv", "--out", "out"]
    refused = understudy(*words, cwd=tmp_path)
    assert refused.returncode == 2
    assert "with ';' there are some: say --csv 'separator=;'" in refused.stderr
    told = understudy(*words, "--csv", "separator=;,decimal=,", cwd=tmp_path)
    assert told.returncode == 3, told.stderr
    line = "reading: read with separator ';', decimal ','; taken: ill '0,0' as '0' (all rows)"
    assert line in " ".join(told.stdout.split())


def test_an_audit_prints_what_is_shown_and_what_could_be():
    done = understudy("audit", "mst", "--runs", 2000, "--canaries", 100, "--epsilon", 5)
    assert done.returncode == 0, done.stderr
    for told in ("counts", "whole fit", "ε claimed", "/10 guesses"):
        assert told in " ".join(done.stdout.split())
    refused = understudy("audit", "mst", "--set", "steps=3")
    assert refused.returncode == 2
    assert "no parameter 'steps'" in refused.stderr


def test_an_audit_that_refutes_its_claim_exits_with_three(monkeypatch):
    from typer.testing import CliRunner

    from flows.commands.main import app
    from tests.generators import plants

    plants.halved_noise(monkeypatch)
    words = ["audit", "mst", "--runs", "2000", "--canaries", "0", "--epsilon", "5"]
    assert CliRunner().invoke(app, words).exit_code == 3
