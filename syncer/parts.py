"""Flows that only doors use, joined from the runtime's parts."""

from __future__ import annotations

from collections.abc import Collection

from config.contact_fields import CONTACT_FIELDS
from syncer.bootstrap import Runtime
from syncer.crm import law as crm_law
from syncer.flows.consent import Consent
from syncer.flows.contacts.conflicts import Conflicts
from syncer.flows.contacts.edits import ContactEdits
from syncer.flows.contacts.erasure import Erasure
from syncer.flows.contacts.merging import Merging
from syncer.flows.contacts.personal_data import PersonalData
from syncer.flows.contacts.suggestions import Suggestions
from syncer.flows.failures import Failures
from syncer.flows.lookups import Lookups
from syncer.flows.messages_out import MessagesOut
from syncer.flows.opt_in import OptIn
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
    """Words of consent that came by other ways than a message. Under double opt-in a yes asks for its second step."""
    asking = opt_in(runtime) if runtime.tuning.consent.double_opt_in else None
    return Consent(runtime.store, runtime.settings.crm.names, runtime.clock, runtime.jobs, opt_in=asking)


def opt_in(runtime: Runtime) -> OptIn:
    """The question of a double opt-in. Raises `ConfigurationError` when no number to send from is set."""
    runtime.settings.require("WHATSAPP_PHONE_NUMBER_ID")
    return OptIn(
        store=runtime.store,
        clock=runtime.clock,
        jobs=runtime.jobs,
        book=runtime.template_book,
        phone_number_id=runtime.settings.whatsapp.phone_number_id or "",
        company=runtime.company,
        template=runtime.tuning.consent.question_template,
        patience=runtime.opt_in_patience,
    )


def edits(runtime: Runtime, fields: Collection[str]) -> ContactEdits:
    """Words on our side about single `fields` of a contact. By the mapping files alone: no CRM need be reachable."""
    law = crm_law.load(runtime.settings)
    region = runtime.settings.default_region
    return ContactEdits(runtime.store, law, fields, region, runtime.clock, runtime.jobs)


def conflicts(runtime: Runtime) -> Conflicts:
    """A person's decisions on fields that both sides have changed."""
    return Conflicts(edits(runtime, CONTACT_FIELDS))


def personal_data(runtime: Runtime) -> PersonalData:
    """Everything held about a person."""
    return PersonalData(runtime.store, runtime.clock, runtime.media_folder)


def erasure(runtime: Runtime) -> Erasure:
    """Forgetting a person. Raises `ConfigurationError` when there is no key to seal the proof with."""
    runtime.settings.require("SYNCER_SECRET_KEY")
    return Erasure(runtime.store, runtime.clock, runtime.sealing_keys, runtime.media_folder)


def merging(runtime: Runtime) -> Merging:
    """Two contacts become one, and the way back."""
    return Merging(
        store=runtime.store,
        crms=runtime.settings.crm.names,
        clock=runtime.clock,
        jobs=runtime.jobs,
        by_email=runtime.tuning.merging.by_email,
        law=lambda: crm_law.load(runtime.settings),
    )


def suggestions(runtime: Runtime) -> Suggestions:
    """Pairs that look like one person, for a person to decide."""
    return Suggestions(runtime.store, runtime.clock, merging(runtime))
