"""The Celery application (`celery -A tasks.celery ...`)."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu.transport.redis import Channel

from config import logging as our_logging
from config.settings import load
from syncer.services import locate

settings = load()
services = locate(settings)
app = Celery("syncer")
app.config_from_object("celeryconfig")
app.conf.broker_url = services.redis_url

# When its connection to Redis is lost, kombu 5.7 wants to put unacknowledged messages back over that very connection,
# and the worker dies of it (AttributeError: 'NoneType' object has no attribute 'hostname'). A doorbell need not be put
# back: the sweeper finds what it was about.
Channel.do_restore = False


@setup_logging.connect  # type: ignore[untyped-decorator]
def configure_logging(**_: Any) -> None:
    """Ours instead of Celery's: one format, correlation ids, numbers masked."""
    our_logging.configure(settings.log_level, secrets=settings.secret_values())
