"""Queue `sync`: contacts, from the CRMs to us (R25)."""

from __future__ import annotations

import logging

from syncer.domain.errors import DeliveryError, Refused
from tasks.base import task, worker

log = logging.getLogger(__name__)


@task
def sync_all_contacts() -> None:
    """Beat's ring: a full sync of every CRM, in the order in which they are configured."""
    for crm in worker().runtime.crms:
        run_sync(crm)


@task
def sync_changed_contacts() -> None:
    """Beat's ring between the full ones: what has changed meanwhile, where it is time for that."""
    me = worker()
    pace = me.runtime.tuning.sync
    for crm in me.runtime.crms:
        mode = me.runtime.contact_sync.due(crm, pace.changed_every_seconds, pace.interval_seconds)
        if mode is not None:
            run_sync(crm, mode)


@task
def look_at_notices() -> None:
    """Read again whose records the CRMs say have changed."""
    me = worker()
    me.jobs.answered("notices")
    me.look_again()


@task
def sync_contacts(crm: str, mode: str = "full") -> None:
    """One CRM's contacts, all of them or those changed since the last run."""
    run_sync(crm, mode)


def run_sync(crm: str, mode: str = "full") -> None:
    """Run it unless somebody living is on it: then this ring was one too many."""
    me = worker()
    standing = me.runtime.crm_standing
    if standing.resting(crm):
        log.info("no sync of %s now: it does not serve, and is left in peace", crm)
        return
    try:
        me.runtime.contact_sync.run(crm, me.number, mode)
        standing.served(crm, "contacts")
    except Refused as refusal:
        log.info("no second sync of %s: %s", crm, refusal)
    except DeliveryError as error:
        standing.failed(crm, error, "contacts")
        # The run rests or has failed, and says so in its row; the other CRMs are none the worse for it.
        log.warning("the sync of %s stopped: %s", crm, error)
