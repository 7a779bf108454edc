"""Flows that only doors use, joined from the runtime's parts."""

from __future__ import annotations

from syncer.bootstrap import Runtime
from syncer.flows.consent import Consent
from syncer.flows.failures import Failures
from syncer.flows.lookups import Lookups
from syncer.flows.messages_out import MessagesOut
from syncer.flows.receipts import Receipts


def lookups(runtime: Runtime) -> Lookups:
    """Reading."""
    return Lookups(runtime.store, runtime.settings.default_region, runtime.settings.crm.names)


def messages_out(runtime: Runtime) -> MessagesOut:
    """Single messages on request. Raises `ConfigurationError` when no number to send from is set."""
    runtime.settings.require("WHATSAPP_PHONE_NUMBER_ID")
    return MessagesOut(
        store=runtime.store,
        clock=runtime.clock,
        jobs=runtime.jobs,
        book=runtime.template_book,
        phone_number_id=runtime.settings.whatsapp.phone_number_id or "",
        company=runtime.company,
        region=runtime.settings.default_region,
        fallback=runtime.tuning.window.fallback_template,
    )


def receipts(runtime: Runtime) -> Receipts:
    """Blue ticks."""
    return Receipts(runtime.store, runtime.messenger, runtime.clock)


def failures(runtime: Runtime) -> Failures:
    """A person's decisions on dead letters."""
    return Failures(runtime.store, runtime.statuses, runtime.clock, runtime.jobs)


def consent(runtime: Runtime) -> Consent:
    """Words of consent that came by other ways than a message."""
    return Consent(runtime.store, runtime.settings.crm.names, runtime.clock, runtime.jobs)
