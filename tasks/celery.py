"""The Celery application (`celery -A tasks.celery ...`)."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from config import logging as our_logging
from config.settings import load
from syncer.services import locate

settings = load()
services = locate(settings)
app = Celery("syncer")
app.config_from_object("celeryconfig")
app.conf.broker_url = services.redis_url


@setup_logging.connect  # type: ignore[untyped-decorator]
def configure_logging(**_: Any) -> None:
    """Ours instead of Celery's: one format, correlation ids, numbers masked."""
    our_logging.configure(settings.log_level, secrets=settings.secret_values())
