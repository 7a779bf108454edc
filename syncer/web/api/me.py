"""Who am I: for a program that wants to know whether its key opens anything."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from config.values import ApiKey
from syncer.web.api.shared import Joined, View
from syncer.web.auth import caller

router = APIRouter(prefix="/me", tags=["me"])


class Me(View):
    """The key's name and what it may do, and whose engine this is."""

    name: str
    scopes: list[str]
    company: str | None


@router.get("", summary="Whose key this is")
async def me(key: Annotated[ApiKey, Depends(caller)], runtime: Joined) -> Me:
    """Any key will do. Connection tests of Zapier, Make and n8n ask here."""
    return Me(name=key.name, scopes=sorted(key.scopes), company=runtime.settings.company_name)
