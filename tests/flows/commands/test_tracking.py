"""Whether Prefect keeps track: what the command line finds is what Prefect itself would find."""

import os
import subprocess
import sys

import pytest

from flows.commands import tracking

URL = "http://127.0.0.1:4299/api"
PROFILES = f'active = "own"\n[profiles.own]\nPREFECT_API_URL = "{URL}"\n[profiles.other]\n'

ASK = """
import sys
from flows.commands.tracking import tracked
found, asked = tracked(), "prefect" in sys.modules
from prefect.settings import PREFECT_API_URL
print(found, bool(PREFECT_API_URL.value()), asked)
"""

WAYS = {
    "nowhere": ({}, {}, False),
    "environment": ({}, {"PREFECT_API_URL": URL}, False),
    "small letters": ({}, {"prefect_api_url": URL}, False),
    "empty": ({}, {"PREFECT_API_URL": ""}, False),
    "dotenv": ({".env": f"PREFECT_API_URL={URL}\n"}, {}, True),
    "prefect.toml": ({"prefect.toml": f'[api]\nurl = "{URL}"\n'}, {}, True),
    "pyproject": ({"pyproject.toml": f'[tool.prefect]\napi.url = "{URL}"\n'}, {}, True),
    "a dependency": ({"pyproject.toml": '[project]\ndependencies = ["prefect"]\n'}, {}, False),
    "profile": ({"home/profiles.toml": PROFILES}, {}, True),
    "other profile": ({"home/profiles.toml": PROFILES}, {"PREFECT_PROFILE": "other"}, True),
    "local profile": ({}, {"PREFECT_PROFILE": "local"}, True),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_server_is_found_where_prefect_finds_it_and_prefect_is_asked_only_then(tmp_path, way):
    files, named, asks = WAYS[way]
    (tmp_path / "home").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=kept | {"HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "home")} | named,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found, own, asked = done.stdout.split()
    assert found == own, done.stderr
    assert asked == str(asks)


def test_a_file_that_cannot_be_read_says_nothing(tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.upper().startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles.toml").mkdir()
    assert not tracking.tracked()
