"""A dictionary becomes a schema that the other commands take as it is."""

from __future__ import annotations

from tests.flows.commands.test_cli import understudy

DICTIONARY = """\
field_name,form_name,field_type,field_label,select_choices_or_calculations,text_validation_type_or_show_slider_number
record_id,base,text,Record,,
sex,base,radio,Sex,"1, Male | 2, Female",
weight,base,text,Weight (kg),,number_1dp
"""


def test_a_schema_from_a_dictionary_passes_a_check(tmp_path):
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    (tmp_path / "rows.csv").write_text("record_id,sex,weight,base_complete\n1,1,71.5,2\n2,2,,2\n")
    made = understudy("schema", "from", "dictionary.csv", "--out", "s.yaml", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "3 columns, of which 2 are modelled" in made.stdout
    checked = understudy("schema", "check", "s.yaml", "rows.csv", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "all 2 rows fit the schema" in checked.stdout
    again = understudy("schema", "from", "dictionary.csv", "--out", "s.yaml", cwd=tmp_path)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    wrong = understudy("schema", "from", "rows.csv", "--out", "t.yaml", cwd=tmp_path)
    assert (wrong.returncode, "looks like rows of data" in wrong.stderr) == (2, True)
    turned = understudy("schema", "draft", "dictionary.csv", "--out", "t.yaml", cwd=tmp_path)
    assert (turned.returncode, (tmp_path / "t.yaml").exists()) == (2, False)
    assert "is a REDCap data dictionary, not rows; understudy schema from" in turned.stderr
