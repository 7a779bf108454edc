"""Pages for people: our own files, and headers that let a browser load nothing else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.responses import PlainTextResponse, Response

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}

#: No script but ours, no other host, no frame around it; customers' data is not kept by caches.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

ASSETS = ("page.css", "docs.html", "docs.js", "console.js")


@cache
def _content(name: str) -> bytes:
    return (files("syncer.web") / "assets" / name).read_bytes()


def asset(name: str) -> Response:
    """One of our files; 404 for any other name."""
    if name not in ASSETS:
        return PlainTextResponse("there is no such file", 404, HEADERS)
    return Response(_content(name), headers=HEADERS, media_type=_TYPES[name.rpartition(".")[2]])


def html(text: str, status: int = 200) -> Response:
    """A page made just now."""
    return Response(text.encode("utf-8", "replace"), status, HEADERS, "text/html")
