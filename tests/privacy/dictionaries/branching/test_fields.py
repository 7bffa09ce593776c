"""What is not asked is forbidden, whatever is asked is not, and what no rule can say is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.dictionaries.document import schema_from
from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.records.impossible import impossible_rows
from tests.privacy.dictionaries.described import loaded, write
from tests.privacy.dictionaries.test_redcap import HEADER, field

ASKING = {
    "smoking": field("smoking", "dropdown", choices="0, Never | 1, Former | 2, Current"),
    "age": field("age", check="integer", low="0", high="99"),
    "crp": field("crp", check="number_1dp", low="0", high="9"),
    "alive": field("alive", "yesno"),
    "ill": field("ill", "checkbox", choices="1, Lung | 2, Heart"),
    "seen": field("seen", check="date_ymd", low="2020-01-01", high="2021-12-31"),
}
VALUES = {
    "smoking": ["", "0", "1", "2"],
    "age": ["", "0", "17", "18", "19", "99"],
    "crp": ["", "0", "4.9", "5.0", "5.1"],
    "alive": ["", "0", "1"],
    "ill___1": ["0", "1"],
    "ill___2": ["0", "1"],
    "seen": ["", "2020-05-05"],
}
THAN = {
    "smoking": ["0", "1", "2"],
    "age": ["0", "18", "19"],
    "crp": ["0", "5"],
    "alive": ["0", "1"],
}
SIGNS = ["=", "<>", "!=", "<", "<=", ">", ">="]
SOME = "asked only where"


def column_of(name):
    """``[ill(1)]`` is a column of its own."""
    return name.replace("(", "___").removesuffix(")")


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from([*THAN, "ill(1)", "ill(2)", "seen"]))
    empty = name == "seen" or (not name.startswith("ill") and draw(st.integers(0, 4)) == 0)
    sign = draw(st.sampled_from(["=", "<>"] if empty else SIGNS))
    than = "" if empty else draw(st.sampled_from(THAN.get(name, ["0", "1"])))
    quote = draw(st.sampled_from(["'", '"'] if empty else ["'", '"', ""]))
    return f"[{name}] {sign} {quote}{than}{quote}", (name, sign, than)


def joined(parts):
    word = st.sampled_from(["and", "or"])
    return st.tuples(word, parts, parts).map(
        lambda w: (f"({w[1][0]}) {w[0]} ({w[2][0]})", (w[0], w[1][1], w[2][1]))
    )


LOGIC = st.recursive(comparisons(), joined, max_leaves=3)


def may_hold(told, row):
    """Whether a field may be asked; an empty number may be anything."""
    if told[0] in ("and", "or"):
        return (all if told[0] == "and" else any)(may_hold(part, row) for part in told[1:])
    name, sign, than = told
    value = row[column_of(name)]
    if "" in (value, than):
        if sign == "=":
            return value == than or than == "0"
        return sign not in ("<>", "!=") or value != than
    a, b = float(value), float(than)
    return {
        "=": a == b, "<>": a != b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b,
    }[sign]  # fmt: skip


def are_impossible(folder, schema, rows):
    names = ["record_id", *rows[0]]
    table = [names, *([str(i), *(row[n] for n in rows[0])] for i, row in enumerate(rows))]
    frame, findings = conform(read_texts([write(folder, table, "rows")], schema), schema)
    assert findings == []
    return impossible_rows(frame, schema).tolist()


@settings(max_examples=60, deadline=None)
@given(
    LOGIC,
    st.lists(st.fixed_dictionaries({n: st.sampled_from(v) for n, v in VALUES.items()}), min_size=1),
)
def test_a_row_is_impossible_where_it_answers_what_is_not_asked(logic, answers):
    text, told = logic
    asked = [
        field("packs", check="integer", low="0", high="50", shown=text),
        field("why", "checkbox", choices="1, a", shown=text),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = [HEADER, field("record_id"), *ASKING.values(), *asked]
        schema = loaded(folder, document)
        rows = []
        for row in answers:
            rows += [
                {**row, "packs": "", "why___1": "0"},
                {**row, "packs": "7", "why___1": "0"},
                {**row, "packs": "", "why___1": "1"},
            ]
        found = are_impossible(folder, schema, rows)
        wholly = SOME not in schema_from(write(folder, document)).text
    for i, row in enumerate(answers):
        empty, *filled = found[3 * i : 3 * i + 3]
        assert not empty
        if may_hold(told, row):
            assert filled == [False, False]
        elif wholly:
            assert filled == [True, True]


@pytest.mark.parametrize(
    ("logic", "zeros"),
    [
        ("[smoking] = '1' or [smoking] = '2'", [{"smoking": {"values": ["0"], "missing": True}}]),
        ("[smoking] <> '0'", [{"smoking": {"values": ["0"]}}]),
        ("[smoking] > 0", [{"smoking": {"values": ["0"]}}]),
        ("[smoking] <> ''", [{"smoking": {"missing": True}}]),
        ("[age] >= 18", [{"age": {"max": 17}}]),
        ("[crp] < '5'", [{"crp": {"min": 5.0}}]),
        ("[crp] > 5 and [crp] <> ''", [{"crp": {"max": 5.0, "missing": True}}]),
        (
            "[alive] = '0' and [age] > 18",
            [{"alive": {"values": ["1"]}}, {"age": {"max": 18}}],
        ),
        ("[ill(1)] = '1'", [{"ill___1": {"values": ["0"]}}]),
        (
            "[ill(1)] = '1' or [age] > 18",
            [{"ill___1": {"values": ["0"]}, "age": {"max": 18}}],
        ),
    ],
)
def test_what_is_written(logic, zeros, tmp_path):
    asked = field("packs", check="integer", low="0", high="50", shown=logic)
    made = schema_from(write(tmp_path, [HEADER, field("id"), *ASKING.values(), asked])).text
    assert yaml.safe_load(made)["impossible"] == [{**zero, "packs": {"min": 0}} for zero in zeros]
    assert SOME not in made


@pytest.mark.parametrize(
    "logic",
    [
        "[smoking] = '7'",
        "[nowhere] = '1'",
        "[packs] > 3",
        "[ill] = '1'",
        "[age(1)] = '1'",
        "[age] > 200",
        "[seen] > '2020-02-02'",
        "datediff([seen], 'today', 'd') > 5",
        "[smoking] = '1' or [alive] = '1' or [age] > 18",
    ],
)
def test_what_no_rule_can_say_is_told(logic, tmp_path):
    asked = field("packs", check="integer", low="0", high="50", shown=logic)
    made = schema_from(write(tmp_path, [HEADER, field("id"), *ASKING.values(), asked]))
    assert f"    # asked only where {logic}: no rule of a schema says this\n" in made.text
    assert "1 is asked only where no rule can say (packs)" in made.told[0]
    assert "impossible:" not in made.text


def test_of_two_conditions_the_one_that_can_be_said_is_and_both_are_told(tmp_path):
    asked = field("packs", check="integer", shown="[alive] = '1' and [seen] > '2020-02-02'")
    made = schema_from(write(tmp_path, [HEADER, field("id"), *ASKING.values(), asked])).text
    assert len(yaml.safe_load(made)["impossible"]) == 1
    assert SOME in made


def test_an_empty_answer_of_another_form_may_be_one_of_a_repeating_row(tmp_path):
    asked = field("packs", check="integer", low="0", high="50", shown="[smoking] = '1'")
    asked[1] = "follow_up"
    schema = loaded(tmp_path, [HEADER, field("record_id"), ASKING["smoking"], asked])
    rows = [{"smoking": s, "packs": "7"} for s in ("", "1", "0")]
    assert are_impossible(tmp_path, schema, rows) == [False, False, True]


def test_a_calculation_is_there_where_it_is_hidden(tmp_path):
    asked = field("sum", "calc", choices="[age] + 1", shown="[smoking] = '1'")
    made = schema_from(write(tmp_path, [HEADER, field("id"), *ASKING.values(), asked])).text
    assert "impossible:" not in made
    assert SOME in made


def test_labels_stand_for_codes(tmp_path):
    choices = "1, Yes | 2, No | 3, No"
    lines = [
        field("ever", "radio", choices=choices),
        field("one", check="integer", low="0", shown="[ever] = '1'"),
        field("two", check="integer", low="0", shown="[ever] = '2'"),
        field("how", "checkbox", choices="1, a", shown="[ever] = '1'"),
    ]
    made = schema_from(write(tmp_path, [HEADER, field("id"), *lines]), labels=True).text
    assert yaml.safe_load(made)["impossible"] == [
        {"ever": {"values": ["No"], "missing": True}, "one": {"min": 0}},
        {"ever": {"values": ["Yes"], "missing": True}, "two": {"min": 0}},
        {"ever": {"values": ["No"], "missing": True}, "how___1": {"values": ["Checked"]}},
    ]


def test_no_more_than_a_dozen_are_in_force(tmp_path):
    asked = [field(f"q{i}", "yesno", shown="[smoking] = '1'") for i in range(15)]
    made = schema_from(write(tmp_path, [HEADER, field("id"), ASKING["smoking"], *asked])).text
    assert len(yaml.safe_load(made)["impossible"]) == 12
    assert "3 more; each makes the model larger" in made
