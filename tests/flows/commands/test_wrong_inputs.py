"""What people write wrongly, each through the command that meets it: one line with key, value and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from evaluators.policy import Policy
from flows.judging.sweep import Sweep
from flows.stages.config import RunConfig
from privacy.schema.mistakes.examples import EXAMPLES
from privacy.schema.schema import Schema
from tests.flows.commands.test_cli import understudy

FILES = {
    "schema.yaml": """\
name: ward
unit: patient
max_rows_per_unit: 2
public_rows: 2000
columns:
  patient: {kind: identifier}
  sex: {kind: categorical, categories: [F, M]}
  age: {kind: integer, bounds: [18, 90], bins: 8}
  weight: {kind: float, bounds: [30, 200], bins: [30, 60, 90, 200], decimals: 1}
  admitted: {kind: datetime, bounds: [2010-01-01, 2020-12-31], bins: 11}
  ill: {kind: categorical, categories: ["no", "yes"]}
targets:
  - {task: classification, column: ill, positive: ["yes"]}
subgroups:
  - {column: sex}
  - {column: age, bands: [18, 40, 65, 90]}
relations: []
""",
    "release.yaml": """\
name: ward
schema: schema.yaml
data: ward.csv
guarantee: {epsilon: 1.0, delta: 1.0e-6}
generator: {name: mst}
policy: policy.yaml
ledger: ledger.db
runs: runs
""",
    "policy.yaml": """\
name: lenient
rules:
  - {name: assessed, metric: declared.target, slices: [all], at_least: 1}
""",
    "sweep.yaml": """\
name: look
public: true
data_sets:
  - release: release.yaml
generators: {mst: }
epsilon: [1]
delta: 1.0e-6
seeds: [0]
""",
}
CHECK = ("schema", "check", "schema.yaml", "ward.csv")
RELEASE = ("release", "release.yaml")
FORECAST = ("forecast", "release.yaml")
SWEEP = ("benchmark", "sweep.yaml")

S, R, P, W = FILES
WRONG = {
    # what YAML makes of it
    "one category, not in brackets": (S, 'positive: ["yes"]', "positive: yes", CHECK,
        ["targets.0.positive", "'yes'", 'as `positive: ["yes"]`', "line 13"]),
    "categories that are truths": (S, '["no", "yes"]', "[no, yes]", CHECK,
        ["columns.ill.categories.0", "takes no for a truth value", 'in quotes, "no"']),
    "categories on and off": (S, '["no", "yes"]', "[on, off]", CHECK,
        ["columns.ill.categories.0", "takes on for", '"on"']),
    "categories that are numbers": (S, "[F, M]", "[0, 1]", CHECK,
        ["columns.sex.categories.0", "takes 0 for a number", '"0"', "and 1 more"]),
    "a category with zeros in front": (S, "[F, M]", "[007, M]", CHECK,
        ["columns.sex.categories.0", "takes 007 for a number", '"007"']),
    "a category that is a power of ten": (S, "[F, M]", "[1.0e+5, M]", CHECK,
        ["columns.sex.categories.0", "takes 1.0e+5 for a number", '"1.0e+5"']),
    "a category that is a date": (S, "[F, M]", "[2020-01-31, M]", CHECK,
        ["columns.sex.categories.0", "takes 2020-01-31 for a date", '"2020-01-31"']),
    "a category that is a time": (S, "[F, M]", "[12:30, M]", CHECK,
        ["columns.sex.categories.0", "takes 12:30 for a number", '"12:30"']),
    "a column that is a number": (S, "  ill:", "  1: {kind: identifier}\n  ill:", CHECK,
        ["columns.1", "takes 1 for a number", '"1"']),
    "a truth for a number": (S, "max_rows_per_unit: 2", "max_rows_per_unit: yes", CHECK,
        ["max_rows_per_unit", "takes yes for a truth value", "a whole number", "`max_rows_per_unit: 12`"]),
    "a key twice": (S, "unit: patient", "unit: patient\nunit: age", CHECK,
        ["line 3", "'unit' stands twice", "line 2", "keep one"]),
    "a tab": (S, "  patient: {", "\tpatient: {", CHECK, ["line 6", "a tab", "blanks"]),
    "an unquoted colon": (S, "name: ward\n", "name: ward\ndescription: wards: two\n", CHECK,
        ["line 2", "colon", "in quotes"]),
    "a wrong indentation": (S, "  sex: {", "   sex: {", CHECK, ["line 7", "column"]),
    "a bracket left open": (S, "[18, 90], bins: 8}", "[18, 90, bins: 8}", CHECK, ["line 8", "bracket"]),
    "a quote left open": (S, "name: ward", 'name: "ward', CHECK, ["line", "quote"]),
    # another file, or none
    "an empty file": (S, None, "", CHECK,
        ["empty", "a schema is YAML", "`columns:`", "`understudy schema draft`"]),
    "a list": (S, None, "- a\n- b\n", CHECK, ["holds a list", "a schema is YAML"]),
    "a text": (S, None, "age;sex\n39;F\n", CHECK, ["holds one value;", "a schema is YAML"]),
    "rows as JSON": (S, None, '[{"age": 39}]\n', CHECK, ["holds a list", "a schema is YAML"]),
    "a JSON schema": (S, None, '{"type": "object", "properties": {}}', CHECK, ["type", "unknown key", "known"]),
    "a CSV file as schema": ("ward.csv", "", "", ("schema", "check", "ward.csv", "ward.csv"),
        ["ward.csv", "looks like data", "a schema is YAML"]),
    "a release config as schema": (S, None, FILES[R], CHECK,
        ["is a release config, where a schema is asked for", "`columns:`"]),
    "a schema as release config": (R, None, FILES[S], RELEASE,
        ["is a schema, where a release config is asked for", "`schema:`"]),
    "a sweep as release config": (R, None, FILES[W], RELEASE, ["is a sweep", "a release config is asked for"]),
    "a policy as sweep": (W, None, FILES[P], SWEEP, ["is a policy", "a sweep is asked for", "`data_sets:`"]),
    # columns
    "an unknown key": (S, "bins: 8", "bin: 8", CHECK,
        ["columns.age.bin", "unknown key", "did you mean 'bins'?", "'8'"]),
    "an unknown kind": (S, "kind: float", "kind: double", CHECK,
        ["columns.weight", "'double'", "did you mean 'float'?"]),
    "a text for a kind": (S, "{kind: categorical, categories: [F, M]}", "{kind: text}", CHECK,
        ["columns.sex", "'text'", "did you mean 'categorical'?"]),
    "no kind": (S, "{kind: categorical, categories: [F, M]}", "{categories: [F, M]}", CHECK,
        ["columns.sex", "says no kind", "`kind: categorical`"]),
    "no bounds": (S, "bounds: [18, 90], bins: 8", "bins: 8", CHECK,
        ["columns.age.bounds", "is missing", "`bounds: [0, 120]`"]),
    "bounds reversed": (S, "[18, 90], bins", "[90, 18], bins", CHECK,
        ["columns.age", "got [90, 18]", "the lower one first"]),
    "bounds as a text": (S, "[18, 90], bins", "18-90, bins", CHECK,
        ["columns.age.bounds", "two numbers", "`bounds: [0, 120]`", "'18-90'"]),
    "three bounds": (S, "[18, 90], bins", "[18, 50, 90], bins", CHECK,
        ["columns.age.bounds", "two numbers", "[18, 50, 90]"]),
    "bounds that are no number": (S, "[30, 200]", "[.nan, 200]", CHECK,
        ["columns.weight.bounds.0", "finite number", "'.nan'", "`bounds:"]),
    "bounds without end": (S, "[30, 200]", "[30, .inf]", CHECK,
        ["columns.weight.bounds.1", "finite number", "'.inf'"]),
    "bounds with a comma": (S, "[30, 200]", '["30,5", 200]', CHECK,
        ["columns.weight.bounds.0", "a number", "'30,5'"]),
    "bounds that are no date": (S, "[2010-01-01, 2020-12-31]", "[01.01.2010, 2020-12-31]", CHECK,
        ["columns.admitted.bounds.0", "a date", "2010-01-01", "'01.01.2010'"]),
    "bins unsorted": (S, "[30, 60, 90, 200]", "[30, 90, 60, 200]", CHECK,
        ["columns.weight", "bins must increase", "[30, 90, 60, 200]", "the lowest first"]),
    "bins outside the bounds": (S, "[30, 60, 90, 200]", "[30, 60, 300]", CHECK,
        ["columns.weight", "bins [30, 300] leave the bounds [30, 200]", "widen"]),
    "bins of neither kind": (S, "bins: 8", "bins: many", CHECK,
        ["columns.age.bins", "a whole number or a list of numbers", "'many'"]),
    "an edge that is a text": (S, "[30, 60, 90, 200]", "[30, low, 200]", CHECK,
        ["columns.weight.bins.1", "a number", "'low'"]),
    "half whole numbers": (S, "[18, 90], bins", "[18.5, 90], bins", CHECK,
        ["columns.age", "must be whole, got [18.5, 90]", "`kind: float`"]),
    "an unknown word": (S, "bins: 8}", "bins: 8, missing: kept}", CHECK,
        ["columns.age.missing", "refuse or keep", "did you mean 'keep'?"]),
    "nothing for categories": (S, "categories: [F, M]", "categories:", CHECK, ["columns.sex", "`other:`"]),
    # what columns have to do with each other
    "a unit that is not declared": (S, "unit: patient", "unit: pateint", CHECK,
        ["unit: 'pateint'", "is not declared; did you mean 'patient'?"]),
    "a unit that is no identifier": (S, "unit: patient", "unit: age", CHECK,
        ["unit: 'age'", "is integer", "kind: identifier"]),
    "a target that is not there": (S, "column: ill", "column: sick", CHECK,
        ["targets: 'sick'", "not a declared", "declare it"]),
    "a target's value that is not there": (S, 'positive: ["yes"]', 'positive: ["Yes"]', CHECK,
        ["targets: ['Yes']", "'ill'", "did you mean 'yes'?"]),
    "an unknown task": (S, "task: classification", "task: classify", CHECK,
        ["targets.0", "'classify'", "did you mean 'classification'?"]),
    "a subgroup of an unknown column": (S, "column: sex}\n", "column: gender}\n", CHECK,
        ["subgroups: 'gender'", "declare it under `columns:`"]),
    "bands outside the bounds": (S, "[18, 40, 65, 90]", "[18, 40, 102]", CHECK,
        ["subgroups", "'age'", "[18, 102] leave the bounds [18, 90]", "widen"]),
    "a relation of an unknown column": (S, "relations: []", "relations: [{order: [admited, admitted]}]", CHECK,
        ["relations: 'admited'", "did you mean 'admitted'?"]),
    "a relation that is none": (S, "relations: []", "relations: [{before: [age, weight]}]", CHECK,
        ["relations.0", "none of order, total", "[{order:"]),
    # release, policy, sweep
    "ε with a comma": (R, "epsilon: 1.0", 'epsilon: "1,0"', FORECAST,
        ["guarantee.epsilon", "a number", "'1,0'", "`epsilon: 1.0`"]),
    "ε of nothing": (R, "epsilon: 1.0", "epsilon: 0", FORECAST, ["guarantee.epsilon", "above 0", "'0'"]),
    "δ of nothing": (R, "delta: 1.0e-6", "delta: 0", FORECAST,
        ["guarantee.delta", "above 0", "'0'", "`delta: 1.0e-6`"]),
    "δ above one in all": (R, "delta: 1.0e-6", "delta: 5.0e-3", FORECAST,
        ["guarantee.delta", "0.005", "1 in 1,000", "take 0.0001 or less"]),
    "no guarantee": (R, "guarantee: {epsilon: 1.0, delta: 1.0e-6}\n", "", FORECAST,
        ["guarantee", "is missing", "{epsilon: 1.0, delta: 1.0e-6}"]),
    "an unknown generator": (R, "name: mst", "name: mtst", FORECAST,
        ["generator", "'mtst'", "did you mean 'mst'?"]),
    "a generator without braces": (R, "{name: mst}", "mst", FORECAST,
        ["generator", "names and values", "`generator: {name: aim}`", "'mst'"]),
    "an unknown parameter": (R, "{name: mst}", "{name: mst, depth: 3}", FORECAST,
        ["generator: mst", "'depth'", "it has"]),
    "a parameter of the wrong type": (R, "{name: mst}", "{name: ctgan, steps: many}", FORECAST,
        ["generator: ctgan: steps", "a whole number", "'many'"]),
    "a policy that is not there": (R, "policy: policy.yaml", "policy: polcy.yaml", FORECAST,
        ["policy", "polcy.yaml", "did you mean 'policy.yaml'?"]),
    "a schema that is not there": (R, "schema: schema.yaml", "schema: ../x.yml", FORECAST,
        ["schema", "x.yml does not exist", "relative"]),
    "data that is not there": (R, "data: ward.csv", "data: wards.csv", RELEASE,
        ["data", "wards.csv does not exist", "did you mean 'ward.csv'?"]),
    "data that is a folder": (R, "data: ward.csv", "data: .", RELEASE,
        ["data", "is a folder", "name the file"]),
    "a share above one": (R, "name: ward", "name: ward\nholdout: 20", FORECAST,
        ["holdout", "below 1", "'20'", "`holdout: 0.2`"]),
    "a name with blanks": (R, "name: ward", "name: My ward", FORECAST, ["name", "small letters", "'My ward'"]),
    "a text without end": (R, "name: ward", f"name: ward\nabout: {{region: {'a' * 2001}}}", FORECAST,
        ["about.region", "at most 2000 signs long, and has 2001", "'aaa", "`region: Olmsted"]),
    "a rule without a limit": (P, ", at_least: 1", "", FORECAST,
        ["rules.0", "declared.target", "at_least or at_most"]),
    "a rule's slices as a text": (P, "slices: [all]", "slices: all", FORECAST,
        ["rules.0.slices", "a list of any of all, groups, pairs", "`slices: [all, groups]`", "'all'"]),
    "a rule's limits reversed": (P, "at_least: 1", "at_least: 2, at_most: 1", FORECAST,
        ["rules.0", "at_least 2 exceeds at_most 1"]),
    "an unknown generator in a sweep": (W, "{mst: }", "{amst: }", SWEEP,
        ["generators", "'amst'", "did you mean 'mst'?"]),
    "an unknown family": (W, "seeds: [0]", "seeds: [0]\nmeasure: [utilty]", SWEEP,
        ["measure", "'utilty'", "did you mean 'utility'?"]),
    "a sweep's ε of nothing": (W, "epsilon: [1]", "epsilon: [0]", SWEEP, ["epsilon.0", "above 0", "'0'"]),
    "a sweep's δ of nothing": (W, "delta: 1.0e-6", "delta: 0", SWEEP, ["delta", "above 0", "'0'"]),
    "one seed, not in brackets": (W, "seeds: [0]", "seeds: 0", SWEEP,
        ["seeds", "a list of whole numbers", "`seeds: [0, 1]`", "'0'"]),
}  # fmt: skip
"""File, what stands in it (all of it: None), what somebody writes instead, the command, what it has to say."""

PHRASES = re.compile(
    r"Input should|Input tag|should (have|be) |valid (tuple|list|string|integer|number|dict|bool)|"
    r"Field required|Extra inputs|Value error|validation error|pydantic|type=|"
    r"unable to (parse|extract)|NoneType|Traceback"
)


@pytest.fixture(scope="module")
def rows() -> str:
    return pd.DataFrame({"patient": [1, 2], "sex": ["F", "M"]}).to_csv(index=False)


def refused(words: tuple[str, ...], folder: Path) -> str:
    """What a command says that cannot be carried out, in one line."""
    done = understudy(*words, cwd=folder)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert not PHRASES.search(line), line
    return line


@pytest.mark.parametrize("case", WRONG)
def test_what_is_written_wrongly_is_told_in_one_line(case: str, tmp_path: Path, rows: str) -> None:
    file, was, written, command, says = WRONG[case]
    (tmp_path / "ward.csv").write_text(rows)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    if file in FILES:
        before = FILES[file] if was is None else was
        assert FILES[file].count(before) == 1
        (tmp_path / file).write_text(FILES[file].replace(before, written))
    line = refused(command, tmp_path)
    assert file in line
    for said in says:
        assert said in line, line
    assert not (tmp_path / "ledger.db").exists()
    assert not (tmp_path / "runs").exists()


OPTIONS = {
    "an unknown command": (("realease", "x"), ["realease", "did you mean 'release'?"]),
    "an unknown option": (("release", "r.yaml", "--rum", "a"), ["--rum", "did you mean --run?"]),
    "no config": (("release",), ["config is missing", "understudy release --help"]),
    "no value": (("release", "r.yaml", "--run"), ["--run"]),
    "a text for a number": (
        ("audit", "mst", "--epsilon", "1,0"),
        ["--epsilon", "a number", "'1,0'"],
    ),
    "too few rows": (("sample", "model", "-n", "0"), ["-n", "at least 1", "'0'"]),
    "a half claim": (
        ("evaluate", "s", "--real", "r", "--synthetic", "s", "--out", "o", "--epsilon", "1"),
        ["--epsilon alone", "--delta 1e-6"],
    ),
    "a data set without a name": (
        ("benchmark", "s.yaml", "--data", "x.csv"),
        ["x.csv", "NAME=FILE"],
    ),
    "an unknown setting of a file": (
        ("evaluate", "s", "--real", "r", "--synthetic", "s", "--out", "o", "--csv", "seperator=;"),
        ["seperator=;", "did you mean 'separator'?"],
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_wrong_command_is_told_in_one_line(case: str, tmp_path: Path) -> None:
    words, says = OPTIONS[case]
    line = refused(words, tmp_path)
    for said in says:
        assert said in line, line


def models(of: type[BaseModel]) -> dict[str, list[type[BaseModel]]]:
    """A model and all that stand in it, by name."""
    found: dict[str, list[type[BaseModel]]] = {}

    def look(hint: object) -> None:
        is_model = isinstance(hint, type) and issubclass(hint, BaseModel)
        if is_model and hint not in (same := found.setdefault(hint.__name__, [])):
            same.append(hint)
            for field in hint.model_fields.values():
                look(field.annotation)
        for inner in getattr(hint, "__args__", ()):
            look(inner)

    look(of)
    return found


@pytest.mark.parametrize("kind", [Schema, RunConfig, Policy, Sweep])
def test_every_key_has_an_example_that_can_be_read(kind: type[BaseModel]) -> None:
    for name, same in models(kind).items():
        for model in same:
            for key, field in model.model_fields.items():
                written = yaml.safe_load(EXAMPLES[name][field.alias or key])
                if (name, key) in {("RunConfig", "data"), ("DataSet", "data")}:
                    written = [written]  # one file alone may go without brackets
                if (name, key) == ("Schema", "npz"):
                    written = {k: [v] for k, v in written.items()}
                TypeAdapter(field.annotation).validate_python(written)
