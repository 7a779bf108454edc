"""Queue `upkeep`: housekeeping that nobody waits for."""

from __future__ import annotations

import logging

from syncer import parts
from syncer.domain.errors import DeliveryError
from tasks.base import Worker, task, worker

log = logging.getLogger(__name__)


@task
def housekeeping() -> None:
    """Forget what is no longer needed: long-gone workers, statuses that never found their message, the last files of
    people who were erased."""
    runtime = worker().runtime
    runtime.upkeep.tidy()
    if runtime.sealing_keys:
        parts.erasure(runtime).finish()


@task
def look_for_doubles() -> None:
    """Once a day: contacts that look like one person are listed for somebody to decide (R5)."""
    parts.suggestions(worker().runtime).find()


@task
def check_numbers() -> None:
    """Ask the platform how the business numbers do: on the beat, and whenever it has told that something changed."""
    me = worker()
    if has_numbers(me):
        me.runtime.number_watch.check()


def has_numbers(me: Worker) -> bool:
    """Whether this engine is connected to the platform at all."""
    known = me.runtime.settings.whatsapp
    return bool(known.access_token and known.phone_number_id)


@task
def renew_channels() -> None:
    """On the beat: ask the CRMs that tell of changes for a limited time only to go on."""
    runtime = worker().runtime
    if runtime.settings.public_url is not None:
        parts.notice_channels(runtime).renew()


@task
def read_templates() -> None:
    """On the beat: read the account's catalogue of templates (R13)."""
    look_at_templates(worker(), now=True)


def look_at_templates(me: Worker, *, now: bool = False) -> None:
    """Read it if that is due - at the first start, when something is unclear, when the beat is late - or `now`. What
    the platform refuses is an alert by then; here it only ends the attempt."""
    if not has_numbers(me) or me.runtime.settings.whatsapp.business_account_id is None:
        return
    try:
        if now:
            me.runtime.template_watch.pull()
        else:
            me.runtime.template_watch.keep()
    except DeliveryError as error:
        log.warning("the account's templates could not be read: %s", error)
