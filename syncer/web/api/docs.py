"""`/api/v1/docs`: the OpenAPI document as a page, drawn by our own script; nothing comes from another host."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from syncer.web import pages

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return pages.asset("docs.html")


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """Its script and its style."""
    return pages.asset(name)
