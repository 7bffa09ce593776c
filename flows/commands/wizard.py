"""``understudy wizard``: a local page that leads from a file or a data dictionary to a release."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.terminal import say


def wizard(
    file: Annotated[
        Path | None,
        typer.Argument(help="A private file, or a data dictionary; may be chosen on the page."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where its YAML files lie; by default named after the file.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = True,
) -> None:
    """Lead from a file to a release on a page in your browser; nothing leaves this machine."""
    import uvicorn

    from flows.stages.places import inside
    from flows.wizard.app import app
    from flows.wizard.door import leading_to
    from flows.wizard.project import Project
    from flows.wizard.session import Session

    session = Session(Path.cwd(), folder and inside(folder), file)
    if session.folder is not None and Project.there(session.folder):
        session.project = Project.of(session.folder)
    token = secrets.token_urlsafe(24)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/{token}/"
        say(f"open {address}")
        say(
            "only this machine, and only whoever has this address; Ctrl-C closes it, a release goes on"
        )
        with leading_to(address, session.home) if open_ else nullcontext() as door:
            if door is not None:
                webbrowser.open(door.as_uri())
            # its log would hold the token
            config = uvicorn.Config(app(session, token), log_level="warning", access_log=False)
            uvicorn.Server(config).run(sockets=[listening])
