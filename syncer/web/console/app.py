"""The console as a web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from syncer.bootstrap import Runtime
from syncer.domain.errors import Unreachable
from syncer.web import pages
from syncer.web.auth import password_of, same
from syncer.web.console.page import render, sections, stamp, unreachable
from syncer.web.live import LiveView, as_json

#: Without a password only these names are answered to: another site's script that makes its own name point at this
#: machine (DNS rebinding) gets nothing.
LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]"]


class Password:
    """Asks for HTTP basic credentials; any user name will do."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through whoever knows the password."""
        if scope["type"] == "http":
            given = password_of(Request(scope).headers.get("authorization"))
            if not same(given, self._password):
                headers = {"WWW-Authenticate": 'Basic realm="Syncer", charset="UTF-8"', **pages.HEADERS}
                await Response("a password is needed", 401, headers, "text/plain")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def build(runtime: Runtime) -> ASGIApp:
    """The page, its figures, its files."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="figures")
    view = LiveView(runtime, pool)

    async def page(request: Request) -> Response:
        try:
            return pages.html(render(await view.get()))
        except Unreachable as error:
            return pages.html(unreachable(str(error)), 503)

    async def live(request: Request) -> Response:
        try:
            picture = await view.get()
        except Unreachable as error:
            return JSONResponse({"error": str(error)}, 503, pages.HEADERS)
        content = {"at": stamp(picture), "sections": sections(picture), "figures": as_json(picture)}
        return JSONResponse(content, headers=pages.HEADERS)

    async def asset(request: Request) -> Response:
        return pages.asset(request.path_params["name"])

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        yield
        pool.shutdown(wait=False, cancel_futures=True)

    routes = [Route("/", page), Route("/live.json", live), Route("/assets/{name}", asset)]
    return Router(routes, lifespan=lifespan, middleware=[_guard(runtime)])


def _guard(runtime: Runtime) -> Middleware:
    password = runtime.settings.console_password
    if password is None:
        return Middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_NAMES, www_redirect=False)
    return Middleware(Password, password=password.get_secret_value())
