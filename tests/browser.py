"""Chromium over its DevTools protocol: opens a file and tells what the page did.

Needs no driver and no library but websockets, which Prefect brings.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from websockets.sync.client import ClientConnection, connect

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
PATIENCE = 60.0
"""Seconds a page may take on a busy machine."""


@dataclass
class Tab:
    """One page, and all that it said and asked for since it was opened."""

    socket: ClientConnection
    number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, method: str, **params: Any) -> Any:
        """Call a method and wait for its answer; what happens meanwhile is remembered."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            said = json.loads(self.socket.recv(timeout=PATIENCE))
            if said.get("id") == self.number:
                assert "error" not in said, said["error"]
                return said["result"]
            self.events.append(said)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, path: Path, width: int = 1280, dark: bool = False) -> None:
        """Load a file and wait until it is loaded and its charts, if it has any, are drawn."""
        self.prepare(width, dark)
        self.visit(path.resolve().as_uri())
        self.wait("!document.querySelector('.chart') || document.querySelector('.drawn') !== null")

    def prepare(self, width: int = 1280, dark: bool = False) -> None:
        """Listen to what the page does, and give it a size and a reader's preference."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.scheme(dark)

    def visit(self, address: str) -> None:
        """Go to an address and wait until it is loaded."""
        self.send("Page.navigate", url=address)
        protocol = address.split(":")[0]
        self.wait(f"document.readyState === 'complete' && location.protocol === '{protocol}:'")

    def click(self, selector: str) -> None:
        """Press what leads to another page, and wait for that."""
        self.run("window.before = true")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait("!window.before && document.readyState === 'complete'")

    def scheme(self, dark: bool) -> None:
        """What the reader prefers."""
        wish = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[wish])

    def wait(self, condition: str) -> None:
        """Until a script's expression holds."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {condition}; {self.complaints()}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        """Errors, warnings and exceptions, of scripts and of the browser about the page."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded")
        loud = [e for e in self.events if e["method"] in kinds] + [
            e
            for e in self.events
            if e["method"] == "Runtime.consoleAPICalled"
            and e["params"]["type"] in ("error", "warning", "assert")
        ]
        return [json.dumps(e["params"])[:500] for e in loud]

    def requests(self) -> list[str]:
        """Every address that was asked for."""
        asked = [e for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [e["params"]["request"]["url"][:200] for e in asked]

    def screenshot(self, path: Path) -> None:
        """The whole page as a picture."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        printed = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(printed["data"])


@contextmanager
def browser() -> Iterator[str]:
    """A browser with an empty profile: the address of its protocol."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _address(Path(profile) / "DevToolsActivePort")
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def new_tab(address: str) -> Iterator[Tab]:
    """A tab of its own, closed at the end."""
    made = _ask(f"{address}/json/new?about:blank", "PUT")
    try:
        with connect(made["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
            yield Tab(socket)
    finally:
        _ask(f"{address}/json/close/{made['id']}", "GET")


def _address(port: Path) -> str:
    end = time.monotonic() + PATIENCE
    while not (port.exists() and port.read_text().count("\n")):
        assert time.monotonic() < end, "the browser does not start"
        time.sleep(0.05)
    return f"http://127.0.0.1:{port.read_text().split()[0]}"


def _ask(url: str, method: str) -> Any:
    """What the browser answers; through no proxy."""
    with build_opener(ProxyHandler({})).open(Request(url, method=method), timeout=PATIENCE) as said:
        text = said.read()
    return json.loads(text) if text.startswith(b"{") else None
