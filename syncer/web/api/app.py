"""The API as one application, to be mounted by the web process."""

from __future__ import annotations

from concurrent.futures import Executor
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.web import problems
from syncer.web.api import (
    campaigns,
    contacts,
    docs,
    failures,
    hooks,
    lists,
    me,
    media,
    messages,
    reports,
    sync,
    upserts,
)
from syncer.web.auth import ApiKeys
from syncer.web.key_ring import KeyRing
from syncer.web.limits import BodyLimit
from syncer.web.live import LiveView

DESCRIPTION = """Everything that the engine knows and does, for other programs.

Every request carries an API key (`Authorization: Bearer ...` or `X-API-Key: ...`). Every error is an RFC 9457 problem.
What is sent out is answered with 202 at once; its fate is read from the address of the thing that was made."""


def build(runtime: Runtime, view: LiveView, pool: Executor) -> ASGIApp:
    """The application. Routes find `runtime`, `view` and `keys` in its state; `pool` has a thread for reading the
    keys."""
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
    app.state.keys = ApiKeys(runtime.settings.api_keys, KeyRing(parts.api_keys(runtime), pool))
    problems.install(app)
    for part in (me, messages, media, contacts, upserts, lists, campaigns, failures, hooks, sync, reports, docs):
        app.include_router(part.router)
    return BodyLimit(app)
