"""The one joining place: settings become a Runtime, whose parts are made when a process first needs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property

from config import files
from config.rules import RuleBook as FileRules
from config.settings import Settings, load
from config.tuning import Tuning
from syncer import catalogue
from syncer.clock import SystemClock
from syncer.crm import registry
from syncer.domain.template import Template
from syncer.flows.admission import Admission
from syncer.flows.campaigns import Campaigns
from syncer.flows.contact_sync import ContactSync
from syncer.flows.conversations import Conversations
from syncer.flows.crm_writes import CrmWrites
from syncer.flows.intake import Intake
from syncer.flows.outcomes import Outcomes
from syncer.flows.recovery import Recovery
from syncer.flows.reports import Reports
from syncer.flows.sending import Sending
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.flows.upkeep import Upkeep
from syncer.http import HttpClient
from syncer.policies.retry import Tiers
from syncer.policies.unknown import Patience
from syncer.ports import CRM, Clock, Jobs, Messenger, Throttle, Webhooks
from syncer.services import Services
from syncer.store.session import Store, open_engine
from syncer.throttle.limiter import RedisThrottle
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.webhooks import WhatsAppWebhooks


class NoJobs:
    """For commands that ring nobody: the sweepers find what they leave."""

    def ring(self, queue: str, subject_id: int | str | None = None) -> None:
        """Do nothing."""


def build(where: Services, *, jobs: Jobs | None = None, settings: Settings | None = None) -> Runtime:
    """A Runtime on these servers. Nothing is connected before it is used."""
    return Runtime(settings or load(), where, jobs or NoJobs())


class Runtime:
    """Everything a door needs, each part made once, when first asked for."""

    def __init__(self, settings: Settings, where: Services, jobs: Jobs, clock: Clock | None = None) -> None:
        self.settings = settings
        self.services = where
        self.jobs = jobs
        self.clock: Clock = clock or SystemClock()

    def close(self) -> None:
        """Give back connections and threads."""
        for part in ("store", "pool", "http", "crms", "throttle"):
            if part in self.__dict__:
                _close(self.__dict__[part])

    # Files

    @cached_property
    def tuning(self) -> Tuning:
        """`syncer.toml`."""
        return files.load_tuning(self.settings.config_dir)

    @cached_property
    def rules(self) -> FileRules:
        """`rules.toml`."""
        return files.load_rules(self.settings.config_dir)

    @cached_property
    def templates(self) -> dict[tuple[str, str], Template]:
        """The catalogue by (name, language)."""
        return catalogue.templates(files.load_templates(self.settings.config_dir), self.company)

    @property
    def company(self) -> str:
        """The sender's name in every business message (R8)."""
        self.settings.require("COMPANY_NAME")
        return self.settings.company_name or ""

    # The outside world

    @cached_property
    def store(self) -> Store:
        """The engine's database."""
        return Store(open_engine(self.services.database_url))

    @cached_property
    def http(self) -> HttpClient:
        """The pool of connections to providers."""
        whatsapp = self.tuning.whatsapp
        return HttpClient(deadline=whatsapp.timeout_seconds, connect=whatsapp.connect_timeout_seconds)

    @cached_property
    def messenger(self) -> Messenger:
        """WhatsApp."""
        self.settings.require("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_NUMBER_ID")
        token = self.settings.whatsapp.access_token
        assert token is not None
        return WhatsAppMessenger(
            self.http,
            base_url=self.settings.whatsapp.api_url,
            version=self.settings.whatsapp.api_version,
            access_token=token.get_secret_value,
            business_account_id=self.settings.whatsapp.business_account_id or "",
        )

    @cached_property
    def webhooks(self) -> dict[str, Webhooks]:
        """Who may deliver to us, by the last part of the address."""
        self.settings.require("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN")
        secrets = [secret.get_secret_value() for secret in self.settings.whatsapp.app_secrets]
        return {"whatsapp": WhatsAppWebhooks(secrets)}

    @cached_property
    def crms(self) -> dict[str, CRM]:
        """The configured CRMs, the master first."""
        return {name: registry.build(name, self.settings) for name in self.settings.crm.names}

    @cached_property
    def throttle(self) -> Throttle:
        """The limiter that all workers share."""
        rate = self.tuning.rate
        return RedisThrottle(
            self.services.redis_url,
            per_minute=rate.per_minute(self.settings.whatsapp.tier),
            per_second=rate.provider_per_second,
            reserve=rate.reserve_share,
        )

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for requests that may wait side by side."""
        return ThreadPoolExecutor(self.tuning.send.concurrency, thread_name_prefix="http")

    # Flows

    @cached_property
    def setbacks(self) -> Setbacks:
        """R26's tiers."""
        retry = self.tuning.retry
        return Setbacks(
            self.clock,
            Tiers(second_after=timedelta(seconds=retry.second_after_seconds)),
            deadline=timedelta(hours=retry.person_within_hours),
            alarm=timedelta(hours=retry.alarm_after_hours),
        )

    @cached_property
    def statuses(self) -> Statuses:
        """What moves after the platform has taken a message."""
        return Statuses(self.settings.crm.names, self.clock)

    @cached_property
    def conversations(self) -> Conversations:
        """What a customer's message sets in motion."""
        return Conversations(
            rules=catalogue.rule_book(self.rules),
            crms=self.settings.crm.names,
            company=self.company,
            long_rule=catalogue.long_rule(self.rules),
            long_after=self.tuning.conversations.long_after_messages,
        )

    @cached_property
    def intake(self) -> Intake:
        """The way in."""
        return Intake(
            store=self.store,
            messenger=self.messenger,
            conversations=self.conversations,
            statuses=self.statuses,
            setbacks=self.setbacks,
            clock=self.clock,
            jobs=self.jobs,
            lease_seconds=self.tuning.claims.lease_seconds,
            batch=self.tuning.claims.realtime_page_size,
        )

    @cached_property
    def outcomes(self) -> Outcomes:
        """How sends are settled."""
        unknown = self.tuning.unknown
        return Outcomes(
            self.statuses,
            self.setbacks,
            Patience(
                quiet=timedelta(seconds=unknown.look_after_seconds),
                look_again=timedelta(seconds=unknown.look_every_seconds),
                person_after=timedelta(hours=unknown.ask_person_after_hours),
            ),
        )

    @cached_property
    def sending(self) -> Sending:
        """The way out."""
        return Sending(
            store=self.store,
            messenger=self.messenger,
            throttle=self.throttle,
            admission=Admission(self.tuning.send.daily_template_quota),
            outcomes=self.outcomes,
            clock=self.clock,
            pool=self.pool,
            set_size=self.tuning.send.concurrency,
            lease_seconds=self.tuning.claims.lease_seconds
            + self.tuning.send.concurrency * self.tuning.whatsapp.timeout_seconds,
        )

    @cached_property
    def campaigns(self) -> Campaigns:
        """Planning what goes to many."""
        self.settings.require("WHATSAPP_PHONE_NUMBER_ID")
        return Campaigns(
            store=self.store,
            clock=self.clock,
            jobs=self.jobs,
            templates=self.templates,
            phone_number_id=self.settings.whatsapp.phone_number_id or "",
            batch_size=self.tuning.send.batch_size,
        )

    @cached_property
    def crm_writes(self) -> CrmWrites:
        """Telling the CRMs."""
        return CrmWrites(
            store=self.store,
            crms=self.crms,
            setbacks=self.setbacks,
            clock=self.clock,
            batch=self.tuning.crm.batch_size,
        )

    @cached_property
    def contact_sync(self) -> ContactSync:
        """Hearing from the CRMs."""
        return ContactSync(
            store=self.store,
            crms=self.crms,
            clock=self.clock,
            page_size=self.tuning.sync.page_size,
            lease_seconds=self.tuning.sync.lease_seconds,
            heartbeat_seconds=self.tuning.sync.heartbeat_seconds,
        )

    @cached_property
    def recovery(self) -> Recovery:
        """What every worker looks after."""
        return Recovery(
            store=self.store,
            statuses=self.statuses,
            outcomes=self.outcomes,
            setbacks=self.setbacks,
            clock=self.clock,
            crms=self.settings.crm.names,
            sync_interval=timedelta(seconds=self.tuning.sync.interval_seconds),
            # A little less than the interval, so that a lone worker sweeps at every round.
            every=timedelta(seconds=0.8 * self.tuning.sweeper.interval_seconds),
        )

    @cached_property
    def upkeep(self) -> Upkeep:
        """Forgetting."""
        return Upkeep(self.store, self.clock)

    @cached_property
    def reports(self) -> Reports:
        """Figures."""
        return Reports(self.store, self.clock)


def _close(part: object) -> None:
    if isinstance(part, ThreadPoolExecutor):
        part.shutdown(wait=False, cancel_futures=True)
    elif isinstance(part, dict):
        for member in part.values():
            _close(member)
    elif hasattr(part, "close"):
        part.close()
