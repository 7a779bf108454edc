"""The API as one application, to be mounted by the web process."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from syncer.bootstrap import Runtime
from syncer.web import problems
from syncer.web.api import campaigns, contacts, docs, failures, media, messages, reports, sync
from syncer.web.auth import ApiKeys
from syncer.web.limits import BodyLimit
from syncer.web.live import LiveView

DESCRIPTION = """Everything that the engine knows and does, for other programs.

Every request carries an API key (`Authorization: Bearer ...`). Every error is an RFC 9457 problem. What is sent out is
answered with 202 at once; its fate is read from the address of the thing that was made."""


def build(runtime: Runtime, view: LiveView) -> ASGIApp:
    """The application. Routes find `runtime`, `view` and `keys` in its state."""
    app = FastAPI(
        title="Syncer",
        version=version("syncer"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.runtime = runtime
    app.state.view = view
    app.state.keys = ApiKeys(runtime.settings.api_keys)
    problems.install(app)
    for part in (messages, media, contacts, campaigns, failures, sync, reports, docs):
        app.include_router(part.router)
    return BodyLimit(app)
