"""The pictures of docs/wizard.md: the wizard's pages on made-up patients, as Chromium shows them.

python -m tests.flows.wizard.pictures docs/images
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from flows.wizard.app import app
from flows.wizard.session import Session
from tests.browser import Tab, browser, new_tab
from tests.flows.wizard.people import patients

WIDTH, HEIGHT = 1000, 760


@contextmanager
def served(session: Session, token: str = "t0ken") -> Iterator[str]:
    """The address of a wizard that runs in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app(session, token), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/{token}"
    server.should_exit = True
    thread.join(10)


def fill(tab: Tab, name: str, value: str) -> None:
    """Write into a field, or choose an option."""
    tab.run(f"document.querySelector('[name=\"{name}\"]').value = '{value}'")


def taken(tab: Tab, path: Path, top: str = "h1") -> None:
    """What somebody sees who has scrolled to a part of the page."""
    tab.run(f"document.querySelector('{top}').scrollIntoView()")
    shot = tab.send("Page.captureScreenshot", format="png")
    path.write_bytes(base64.b64decode(shot["data"]))


def main(folder: Path) -> None:
    """Walk through the pages up to an approved release, with a picture of each that docs show."""
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        os.chdir(home)
        session = Session(home, first=patients(home / "patients.csv"))
        with served(session) as address, browser() as found, new_tab(found) as tab:
            tab.prepare(WIDTH)
            tab.send(
                "Emulation.setDeviceMetricsOverride",
                width=WIDTH,
                height=HEIGHT,
                deviceScaleFactor=1,
                mobile=False,
            )
            tab.visit(f"{address}/file")
            tab.click("form:last-of-type button.main")
            taken(tab, folder / "wizard-columns.png")
            tab.run("document.querySelector('[name=everything]').checked = true")
            tab.click("button[name=go]")
            fill(tab, "people", "3000")
            tab.click("button[name=go]")
            tab.run("[...document.querySelectorAll('[name=targets]')].at(-1).checked = true")
            tab.run("document.querySelectorAll('[name=subgroups]').forEach(b => b.checked = true)")
            tab.run("document.querySelector('[name=relation]').checked = true")
            taken(tab, folder / "wizard-purpose.png")
            tab.click("button[name=go]")
            tab.click("button:not([name])")
            tab.click("button[name=go]")
            taken(tab, folder / "wizard-privacy.png")
            fill(tab, "epsilon", "5")
            fill(tab, "budget", "10")
            tab.click("button[name=go]")
            tab.run("document.querySelector('[name=accept]').checked = true")
            tab.click("button[value=start]")
            while tab.run("document.querySelector('[http-equiv=refresh]') !== null"):
                time.sleep(4)
                tab.wait("document.readyState === 'complete'")
            taken(tab, folder / "wizard-release.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
