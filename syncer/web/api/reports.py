"""Figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from config.values import ApiKey
from syncer.web.auth import needs
from syncer.web.live import LiveView, as_json

router = APIRouter(prefix="/reports", tags=["reports"])
Caller = Annotated[ApiKey, Depends(needs("reports"))]


@router.get("/live", summary="The present state in one look")
async def live(caller: Caller, request: Request) -> dict[str, Any]:
    """Messages per minute, delays in seconds, the error rate as a fraction, rows waiting by queue, and the latest
    campaigns, failures, syncs and handoffs; at most a second old."""
    view: LiveView = request.app.state.view
    return as_json(await view.get())
