"""A Postgres server for tests: started in a temporary folder, or one that UNDERSTUDY_TEST_POSTGRES names.

A server refuses to run as root; root lends it the account ``postgres`` or ``nobody``. Where there is neither a
server's programs nor a URL, the tests are left out and say how to run them.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

PASSWORD = "hunter2-Qwx7741"
HOW = "no Postgres: apt-get install postgresql, or UNDERSTUDY_TEST_POSTGRES=postgresql+psycopg://me@host/db"


@dataclass(frozen=True)
class Server:
    """``url``: of a database. ``folder``: where our own server lives; None for somebody else's."""

    url: str
    folder: Path | None = None

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._ctl("start", "-l", f"{self.folder}/log", "-o", options)

    def crash(self) -> None:
        """Stop as a power cut would: no client is waited for, nothing is flushed."""
        self._ctl("stop", "-m", "immediate")

    def _ctl(self, *arguments: str) -> None:
        assert self.folder is not None
        _as_servant("pg_ctl", "-D", f"{self.folder}/data", "-w", "-s", *arguments)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database, dropped at the end."""
        name = f"understudy_{secrets.token_hex(4)}"
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as db:
            db.execute(sa.text(f"CREATE DATABASE {name}"))
        yield sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as db:
            db.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def running() -> Iterator[Server]:
    """A server to charge in; skips where there is none."""
    pytest.importorskip("psycopg")
    if url := os.environ.get("UNDERSTUDY_TEST_POSTGRES"):
        yield Server(url)
        return
    if _program("initdb") is None or _servant() is None:
        pytest.skip(HOW)
    folder = Path(tempfile.mkdtemp(prefix="understudy-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD)
        for path in (folder, folder / "password"):
            shutil.chown(path, _servant())
        login = ("-U", "understudy", "--auth=scram-sha-256", f"--pwfile={folder}/password")
        _as_servant("initdb", "-D", f"{folder}/data", "--no-sync", *login)
        server = Server(f"postgresql+psycopg://understudy@/postgres?host={folder}", folder)
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str | None:
    places = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))


def _servant() -> str | None:
    """Whom the server runs as: ourselves, or an account that root can lend."""
    accounts = {a.pw_name for a in pwd.getpwall()}
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return next((name for name in ("postgres", "nobody") if name in accounts), None)


def _as_servant(program: str, *arguments: str) -> None:
    command = [str(_program(program)), *arguments]
    switch = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(str(_servant()))
        switch = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, **switch
    )
    assert done.returncode == 0, f"{program} {arguments}: exit {done.returncode}"
