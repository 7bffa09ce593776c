"""A document is recognised by what is in it; whatever is none gets one line that says what to give."""

from __future__ import annotations

import hashlib
import json

import pytest

from privacy.dictionaries.document import document_in, schema_from
from privacy.errors import InputError

DICTIONARY = (
    "Variable / Field Name,Form Name,Field Type,Field Label\nid,f,text,\nsmokes,f,yesno,Smokes?\n"
)


@pytest.mark.parametrize(
    "content",
    [
        DICTIONARY.encode("utf-8-sig"),
        DICTIONARY.encode("utf-16"),
        DICTIONARY.replace("Smokes?", "Fumée?").encode("cp1252"),
        DICTIONARY.replace(",", ";").encode(),
        DICTIONARY.replace("\n", "\r\n").replace(",", "\t").encode(),
    ],
    ids=["bom", "utf-16", "cp1252", "semicolon", "tab"],
)
def test_however_a_dictionary_is_written_it_is_read(content, tmp_path):
    path = tmp_path / "dictionary.txt"
    path.write_bytes(content)
    described = schema_from(path)
    assert "  smokes:" in described.text
    assert hashlib.sha256(content).hexdigest() in described.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04", "an Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"<ODM/>", "XML; export the dictionary as CSV"),
        (b"\0\1\2", "no text"),
        (b"patient,age\nMary Smith,54\n", "looks like rows of data"),
        (b"column,meaning\nage,How old\nMary,A name\n", "no document that is known"),
        (b"column,meaning\n1,2,3\n", "no document that is known"),
        (b'{"a": ', "not valid JSON, line 1"),
        (b"[1, 2]", "a list of JSON"),
        (b"{}", "no document that is known"),
        (b"[" * 100_000, "not valid JSON"),
        (json.dumps({"fields": [{"type": "string"}]}).encode(), "field 1 has no name"),
        (json.dumps({"fields": [{"name": "a"}, {"name": "a"}]}).encode(), "describes 'a' twice"),
        (json.dumps({"fields": [{"name": "email"}]}).encode(), "no column that can be modelled"),
        (
            json.dumps({"resources": [{"schema": "a.json"}]}).encode(),
            "give one of them, as 'a.json'",
        ),
        (json.dumps({"fields": [{"name": "a\nb"}]}).encode(), "which no header can hold"),
        (
            json.dumps({"fields": [{"name": "a", "categories": 3}]}).encode(),
            "not as its specification",
        ),
        (DICTIONARY.partition("\n")[0].encode(), "names no field"),
    ],
)
def test_what_is_no_document_is_one_line_without_a_value_of_it(content, told, tmp_path):
    path = tmp_path / "dictionary"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        schema_from(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "Mary" not in str(caught.value)


def test_what_is_not_there_or_a_folder_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no such file"):
            schema_from(path)


def test_a_document_is_known_by_its_header_alone(tmp_path):
    files = {
        "dictionary.csv": DICTIONARY.encode("utf-8-sig"),
        "wide.txt": (DICTIONARY + "é".join(["x,f,text,a\n"] * 9999)).encode().replace(b",", b"\t"),
        "omop.csv": b"cdmTableName,cdmFieldName,cdmDatatype,isRequired\n",
        "rows.csv": b"patient,age\n1,54\n",
        "nothing.csv": b"",
        "bytes.parquet": b"PAR1\0\0",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    found = {name: document_in(tmp_path / name) for name in (*files, "nowhere.csv")}
    assert {name: what for name, what in found.items() if what} == {
        "dictionary.csv": "a REDCap data dictionary",
        "wide.txt": "a REDCap data dictionary",
        "omop.csv": "OMOP's field-level definitions",
    }
