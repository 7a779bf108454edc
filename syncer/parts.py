"""Flows that only doors use, joined from the runtime's parts."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from datetime import timedelta
from functools import cache, partial

from config.contact_fields import CONTACT_FIELDS
from config.errors import ConfigurationError
from syncer.bootstrap import Runtime
from syncer.crm import law as crm_law
from syncer.crm import registry
from syncer.flows.agent_replies import AgentReplies
from syncer.flows.api_keys import ApiKeyBook
from syncer.flows.consent import Consent
from syncer.flows.contacts.conflicts import Conflicts
from syncer.flows.contacts.edits import ContactEdits
from syncer.flows.contacts.erasure import Erasure
from syncer.flows.contacts.merging import Merging
from syncer.flows.contacts.personal_data import PersonalData
from syncer.flows.contacts.suggestions import Suggestions
from syncer.flows.contacts.upserts import ContactUpserts
from syncer.flows.crm_notices import CrmNotices
from syncer.flows.failures import Failures
from syncer.flows.hooks.deliveries import Deliveries
from syncer.flows.hooks.settling import Settling
from syncer.flows.hooks.subscriptions import Subscriptions
from syncer.flows.hooks.telling import Telling
from syncer.flows.hooks.vault import Vault
from syncer.flows.lookups import Lookups
from syncer.flows.messages_out import MessagesOut
from syncer.flows.notice_channels import ChannelKeeping
from syncer.flows.opt_in import OptIn
from syncer.flows.polling import Polling
from syncer.flows.receipts import Receipts
from syncer.flows.second_tries import SecondTries
from syncer.flows.setbacks import Setbacks
from syncer.policies.retry import Tiers
from syncer.ports import NoticeChannels
from syncer.whatsapp import errors as whatsapp_errors


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


def api_keys(runtime: Runtime) -> ApiKeyBook:
    """Keys of other programs."""
    return ApiKeyBook(runtime.store, runtime.clock, [key.name for key in runtime.settings.api_keys])


def agent_replies(runtime: Runtime) -> AgentReplies:
    """What the CRMs' people write to be sent. Raises `ConfigurationError` when no number to send from is set."""
    return AgentReplies(
        store=runtime.store,
        crms=runtime.crms,
        messages=messages_out(runtime),
        clock=runtime.clock,
        jobs=runtime.jobs,
        standing=runtime.crm_standing,
        every=runtime.tuning.replies.poll_seconds,
        every_otherwise=runtime.tuning.replies.net_seconds,
        trusted=timedelta(minutes=runtime.tuning.replies.told_within_minutes),
    )


def crm_notices(runtime: Runtime) -> CrmNotices:
    """Looking at what the CRMs told. Only an agent's message takes a number to send from."""
    agents = cache(partial(agent_replies, runtime))
    return CrmNotices(
        store=runtime.store,
        crms=runtime.crms,
        replies=lambda crm, record_ids: agents().take(crm, record_ids),
        standing=runtime.crm_standing,
        setbacks=runtime.setbacks,
        clock=runtime.clock,
        jobs=runtime.jobs,
        shared_above=runtime.tuning.merging.shared_above,
        by_email=runtime.tuning.merging.by_email,
        most_deleted_share=runtime.tuning.sync.most_deleted_share,
        sealing_keys=runtime.sealing_keys,
    )


def notice_addresses(runtime: Runtime) -> dict[str, str | ConfigurationError]:
    """Where each configured CRM that tells of changes is to tell us, or the setting that is missing for it."""
    found: dict[str, str | ConfigurationError] = {}
    for name in runtime.settings.crm.names:
        try:
            notices = registry.notices(name, runtime.settings, runtime.clock)
            if notices is not None:
                runtime.settings.require("SYNCER_PUBLIC_URL")
                found[name] = f"{runtime.settings.public_url}/webhooks/{name}{notices.ending}"
        except ConfigurationError as error:
            found[name] = error
    return found


def notice_channels(runtime: Runtime) -> ChannelKeeping:
    """Asking the CRMs to tell us of changes. Raises `ConfigurationError` when it is not set where they reach us."""
    runtime.settings.require("SYNCER_PUBLIC_URL")
    public = runtime.settings.public_url or ""
    channelled = {name: crm for name, crm in runtime.crms.items() if isinstance(crm, NoticeChannels)}
    return ChannelKeeping(runtime.store, channelled, public, runtime.clock)


def receipts(runtime: Runtime) -> Receipts:
    """Blue ticks."""
    return Receipts(runtime.store, runtime.messenger, runtime.clock)


def second_tries(runtime: Runtime) -> SecondTries:
    """A campaign's failed messages once more."""
    size = runtime.tuning.send.batch_size
    return SecondTries(runtime.store, runtime.clock, runtime.jobs, whatsapp_errors.pause_before_anew, size)


def failures(runtime: Runtime) -> Failures:
    """A person's decisions on dead letters."""
    return Failures(runtime.store, runtime.statuses, runtime.clock, runtime.jobs)


def consent(runtime: Runtime) -> Consent:
    """Words of consent that came by other ways than a message. Under double opt-in a yes asks for its second step."""
    asking = opt_in(runtime) if runtime.tuning.consent.double_opt_in else None
    return Consent(runtime.store, runtime.told, runtime.clock, runtime.jobs, opt_in=asking)


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


def hook_subscriptions(runtime: Runtime) -> Subscriptions:
    """Who wants to hear of what."""
    return Subscriptions(
        store=runtime.store,
        caller=runtime.hook_caller,
        vault=Vault(runtime.sealing_keys),
        clock=runtime.clock,
        jobs=runtime.jobs,
        files_at=runtime.files_at,
    )


def hook_telling(runtime: Runtime) -> Telling:
    """What happened becomes deliveries."""
    return Telling(runtime.store, runtime.setbacks, runtime.clock, runtime.jobs, runtime.files_at)


def hook_deliveries(runtime: Runtime, pool: Executor) -> Deliveries:
    """Deliveries leave, by the threads of `pool`."""
    hooks, retry = runtime.tuning.hooks, runtime.tuning.retry
    second = timedelta(seconds=retry.second_after_seconds)
    tiers = Tiers(second, patience=timedelta(hours=hooks.give_up_after_hours), third_after=2 * second)
    deadline, alarm = timedelta(hours=retry.person_within_hours), timedelta(hours=retry.alarm_after_hours)
    setbacks = Setbacks(runtime.clock, tiers, deadline=deadline, alarm=alarm)
    return Deliveries(
        store=runtime.store,
        caller=runtime.hook_caller,
        vault=Vault(runtime.sealing_keys),
        settling=Settling(runtime.store, setbacks, runtime.clock, hooks.rest_after_failures),
        clock=runtime.clock,
        pool=pool,
        lanes=hooks.concurrency,
        lease_seconds=runtime.tuning.claims.lease_seconds + 2 * hooks.timeout_seconds,
    )


def edits(runtime: Runtime, fields: Collection[str]) -> ContactEdits:
    """Words on our side about single `fields` of a contact. By the mapping files alone: no CRM need be reachable."""
    law = crm_law.load(runtime.settings)
    region = runtime.settings.default_region
    return ContactEdits(runtime.store, law, fields, region, runtime.clock, runtime.jobs)


def upserts(runtime: Runtime, fields: Collection[str]) -> ContactUpserts:
    """Customers by the word of outside programs."""
    return ContactUpserts(
        store=runtime.store,
        clock=runtime.clock,
        jobs=runtime.jobs,
        law=crm_law.load(runtime.settings),
        names=fields,
        region=runtime.settings.default_region,
        shared_above=runtime.tuning.merging.shared_above,
        by_email=runtime.tuning.merging.by_email,
        sealing_keys=runtime.sealing_keys,
    )


def conflicts(runtime: Runtime) -> Conflicts:
    """A person's decisions on fields that both sides have changed."""
    return Conflicts(edits(runtime, CONTACT_FIELDS))


def polling(runtime: Runtime) -> Polling:
    """Lists for programs that ask instead of being told."""
    return Polling(runtime.store, f"{runtime.settings.public_url or ''}/api/v1/media")


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
        crms=runtime.told,
        clock=runtime.clock,
        jobs=runtime.jobs,
        by_email=runtime.tuning.merging.by_email,
        law=lambda: crm_law.load(runtime.settings),
    )


def suggestions(runtime: Runtime) -> Suggestions:
    """Pairs that look like one person, for a person to decide."""
    return Suggestions(runtime.store, runtime.clock, merging(runtime))
