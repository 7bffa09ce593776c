from pathlib import Path

import pytest

from flows.checking.drafting import draft
from flows.wizard.commented import commented
from flows.wizard.project import SCHEMA, Project, folder_for
from privacy.errors import InputError
from privacy.schema.schema import Csv, load_schema
from tests.flows.wizard.people import patients


@pytest.fixture
def project(tmp_path: Path) -> Project:
    data = patients(tmp_path / "patients.csv", 200)
    found = Project.begun(tmp_path / "made", commented(draft([data], Csv()).text), (data,))
    found.save()
    return found


def test_a_schema_is_refused_until_every_copy_was_confirmed(project: Project) -> None:
    with pytest.raises(InputError, match="draft"):
        load_schema(project.folder / SCHEMA)
    project.confirm(project.unconfirmed[1:]).save()
    with pytest.raises(InputError, match="draft"):
        load_schema(project.folder / SCHEMA)
    project.confirm(project.unconfirmed).save()
    assert load_schema(project.folder / SCHEMA) == project.schema()


def test_what_changed_since_it_was_confirmed_is_to_be_confirmed_again(project: Project) -> None:
    said = project.confirm(project.unconfirmed)
    assert not said.unconfirmed
    columns = said.columns | {"age": said.columns["age"] | {"bounds": [0, 17]}}
    assert said.saying(columns=columns).unconfirmed == ("age",)
    assert not said.saying(columns=columns).saying(columns=said.columns).unconfirmed


def test_a_project_comes_back_from_its_folder_with_what_was_changed_by_hand(
    project: Project,
) -> None:
    project.confirm(project.unconfirmed).save()
    again = Project.of(project.folder)
    assert (again.document, again.unconfirmed) == (project.document, ())
    text = (project.folder / SCHEMA).read_text("utf-8").replace(", B]", ", Berlin]")
    (project.folder / SCHEMA).write_text(text, "utf-8")
    assert "Berlin" in Project.of(project.folder).columns["ward"]["categories"]
    assert Project.of(project.folder).unconfirmed == ("ward",)


def test_files_are_for_their_owner(project: Project) -> None:
    for file in (project.folder, *project.folder.iterdir()):
        assert file.stat().st_mode & 0o077 == 0


def test_a_file_without_a_name_asks_for_a_folder() -> None:
    with pytest.raises(InputError, match="--folder"):
        folder_for(Path("!!.csv"), Path())
