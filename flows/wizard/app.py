"""The wizard's pages over HTTP, on this machine alone.

Starlette, Jinja and uvicorn, which Prefect brings: forms that need no script, so that every page works by
keyboard and can be tested as text. Every address begins with a token that only whoever started the wizard was
told; a name for this machine other than its own is refused, so that no page elsewhere reaches it by DNS; and
pages may ask nothing of anybody: no font, no script, no picture from outside.

Privacy claim: none; shows of private rows what ``schema draft`` and ``schema check`` show, and the report, to
whoever has the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from evaluators.pages.drawing.page import environment
from flows.wizard.session import Form, OutdatedError, Session, Step
from flows.wizard.steps import asking, file, kinds, people, purpose, releasing, rows
from privacy.errors import DataError, EvidenceError, PeopleError, UnderstudyError

TEMPLATES = Path(__file__).parent / "templates"
STEPS: dict[str, Step] = {
    s.NAME: s for s in (file, kinds, people, purpose, rows, asking, releasing)
}
MOST_SENT = 32 * 2**20

ASKS_NOBODY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
WITH_CHARTS = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:"
"""Of a release's own pages, which name in themselves the scripts that may run."""


def app(session: Session, token: str) -> Starlette:
    """The wizard of one session, under ``/{token}/``."""
    pages = environment(TEMPLATES)

    def guarded(answer: Callable[[Request], Awaitable[Response]]) -> Any:
        async def endpoint(request: Request) -> Response:
            given = request.path_params["token"].encode()  # texts may hold ASCII only
            if not secrets.compare_digest(given, token.encode()):
                return PlainTextResponse("not found", 404)
            response = await answer(request)
            response.headers.setdefault("Content-Security-Policy", ASKS_NOBODY)
            response.headers["Cache-Control"] = "no-store"
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response

        return endpoint

    def rendered(
        name: str, error: str = "", status: int = 200, sent: Form | None = None
    ) -> HTMLResponse:
        step = STEPS[name]
        try:
            with session.lock:
                shown = step.show(session)
        except (UnderstudyError, OSError) as problem:
            shown, error, status = None, error or told(problem), 400
        project = session.project
        told_now, session.told = session.told, ()
        text = pages.get_template(
            f"{name}.html.j2" if shown is not None else "stopped.html.j2"
        ).render(
            {
                "steps": {n: s.TITLE for n, s in STEPS.items()},
                "here": name,
                "title": step.TITLE,
                "error": error,
                "told": told_now,
                "project": session.near(project.folder) if project else None,
                **refilled(sent),
                **(shown or {}),
            }
        )
        return HTMLResponse(text, status)

    async def page(request: Request) -> Response:
        name = request.path_params.get("step", file.NAME)
        if name not in STEPS:
            return PlainTextResponse("not found", 404)
        if request.method == "GET":
            return await run_in_threadpool(rendered, name)
        body = await request.body()
        if len(body) > MOST_SENT:
            return await run_in_threadpool(rendered, name, "too much was sent", 413)
        sent = parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10**6
        )
        form = {field: tuple(values) for field, values in sent.items()}
        return await run_in_threadpool(taken, name, form)

    def taken(name: str, form: dict[str, tuple[str, ...]]) -> Response:
        try:
            with session.lock:
                to = STEPS[name].take(session, form)
        except OutdatedError as problem:
            return rendered(name, str(problem), 409)  # its fields are others by now
        except (UnderstudyError, OSError) as problem:
            return rendered(name, told(problem), 400, form)
        return RedirectResponse(f"/{token}/{to}", 303)

    async def bundle(request: Request) -> Response:
        try:
            path = releasing.bundle_file(session, request.path_params["name"])
        except UnderstudyError as problem:
            return PlainTextResponse(str(problem), 404)
        kind = "text/html" if path.suffix == ".html" else "text/plain; charset=utf-8"
        return FileResponse(path, media_type=kind, headers={"Content-Security-Policy": WITH_CHARTS})

    return Starlette(
        routes=[
            Route("/{token}/", guarded(page), methods=["GET", "POST"]),
            Route("/{token}/bundle/{name:path}", guarded(bundle)),
            Route("/{token}/{step}", guarded(page), methods=["GET", "POST"]),
        ],
        exception_handlers={Exception: unexpected},
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def refilled(sent: Form | None) -> dict[str, Callable[..., Any]]:
    """How a template fills a field: with what was sent, where that was wrong, so that nobody types it twice."""

    def kept(name: str, otherwise: Any) -> Any:
        return otherwise if sent is None else (sent.get(name) or (otherwise,))[0]

    def ticked(name: str, otherwise: bool, value: str = "on") -> bool:
        return otherwise if sent is None else value in sent.get(name, ())

    return {"kept": kept, "ticked": ticked}


def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours, told without what it holds; the terminal shows the whole of it."""
    said = f"unexpected {type(error).__name__}; what stands in the terminal says where"
    return PlainTextResponse(said, 500)


def told(error: Exception) -> str:
    """An error in one line; the page is the custodian's, so that it may quote rows."""
    if isinstance(error, DataError | EvidenceError | PeopleError):
        return error.private
    if isinstance(error, OSError):
        return f"{error.filename or 'no file named'}: {error.strerror or error}"
    return str(error)
