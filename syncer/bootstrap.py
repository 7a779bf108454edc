"""The one joining place: settings become a Runtime, whose parts are made when a process first needs them."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from config import files
from config.settings import Settings, load
from syncer import catalogue
from syncer.flows.admission import Admission
from syncer.flows.campaigns import Campaigns
from syncer.flows.chronicle import Chronicle
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.conversations import Conversations
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.crm_writes import CrmWrites
from syncer.flows.intake import Intake
from syncer.flows.media import Media
from syncer.flows.number_watch import NumberWatch
from syncer.flows.numbers import Numbers
from syncer.flows.opt_in import OptInAnswers
from syncer.flows.outcomes import Outcomes
from syncer.flows.people import People
from syncer.flows.recipients import Recipients
from syncer.flows.recovery import Recovery
from syncer.flows.reports import Reports
from syncer.flows.sending import Sending
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.flows.template_book import TemplateBook
from syncer.flows.template_watch import TemplateWatch
from syncer.flows.templates import Templates
from syncer.flows.troubles import Troubles
from syncer.flows.upkeep import Upkeep
from syncer.outside import Outside
from syncer.policies import opt_in
from syncer.policies.retry import Tiers
from syncer.policies.unknown import Patience
from syncer.ports import Jobs
from syncer.services import Services


class NoJobs:
    """For commands that ring nobody: the sweepers find what they leave."""

    def ring(self, queue: str, subject_id: int | str | None = None) -> None:
        """Do nothing."""


def build(where: Services, *, jobs: Jobs | None = None, settings: Settings | None = None) -> Runtime:
    """A Runtime on these servers. Nothing is connected before it is used."""
    return Runtime(settings or load(), where, jobs or NoJobs())


class Runtime(Outside):
    """Everything a door needs, each part made once, when first asked for."""

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
        return Statuses(self.told, self.clock)

    @cached_property
    def conversations(self) -> Conversations:
        """What a customer's message sets in motion."""
        return Conversations(
            rules=catalogue.rule_book(self.rules),
            crms=self.told,
            company=self.company,
            long_rule=catalogue.long_rule(self.rules),
            long_after=self.tuning.conversations.long_after_messages,
            hold=timedelta(days=self.tuning.window.held_days),
            opt_in=OptInAnswers(catalogue.answers(self.rules), self.opt_in_patience),
        )

    @property
    def opt_in_patience(self) -> opt_in.Patience:
        """How long a question of the double opt-in stands, and how often it may be asked."""
        consent = self.tuning.consent
        return opt_in.Patience(timedelta(days=consent.answer_within_days), timedelta(days=consent.ask_again_after_days))

    @cached_property
    def intake(self) -> Intake:
        """The way in."""
        return Intake(
            store=self.store,
            messenger=self.messenger,
            hearers=(
                People(self.told),
                Chronicle(self.told),
                self.conversations,
                self.statuses,
                self.account_templates,
                self.numbers,
            ),
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
            Troubles(self.account_templates, self.numbers, self.told),
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
            admission=self.admission,
            outcomes=self.outcomes,
            clock=self.clock,
            pool=self.pool,
            set_size=self.tuning.send.concurrency,
            lease_seconds=self.tuning.claims.lease_seconds
            + self.tuning.send.concurrency * self.tuning.whatsapp.timeout_seconds,
        )

    @cached_property
    def admission(self) -> Admission:
        """Who may be written to now."""
        quota = self.tuning.send.daily_template_quota
        double = self.tuning.consent.double_opt_in
        return Admission(self.account_templates, self.numbers, self.recipients, quota, double_opt_in=double)

    @cached_property
    def media(self) -> Media:
        """Customers' files."""
        return Media(
            store=self.store,
            platform=self.platform,
            setbacks=self.setbacks,
            crms=self.told,
            folder=self.media_folder,
            pool=self.pool,
            clock=self.clock,
            jobs=self.jobs,
        )

    @cached_property
    def campaigns(self) -> Campaigns:
        """Planning what goes to many."""
        self.settings.require("WHATSAPP_PHONE_NUMBER_ID")
        return Campaigns(
            store=self.store,
            clock=self.clock,
            jobs=self.jobs,
            book=self.template_book,
            phone_number_id=self.settings.whatsapp.phone_number_id or "",
            batch_size=self.tuning.send.batch_size,
            sources=catalogue.sources(files.load_templates(self.settings.config_dir)),
        )

    @cached_property
    def numbers(self) -> Numbers:
        """The business numbers, and which of them sends."""
        known = self.settings.whatsapp
        return Numbers(known.phone_number_id or "", known.backup_phone_number_id)

    @cached_property
    def number_watch(self) -> NumberWatch:
        """Asking the platform how the numbers do."""
        listed = bool(self.settings.whatsapp.business_account_id)
        return NumberWatch(self.store, self.platform, self.numbers, self.clock, whole_account=listed)

    @cached_property
    def recipients(self) -> Recipients:
        """The limits on people."""
        return Recipients()

    @cached_property
    def account_templates(self) -> Templates:
        """What the platform says of its templates."""
        return Templates()

    @cached_property
    def template_watch(self) -> TemplateWatch:
        """Reading the account's templates."""
        self.settings.require("WHATSAPP_BUSINESS_ACCOUNT_ID")
        return TemplateWatch(self.store, self.platform, self.clock, self.jobs)

    @cached_property
    def template_book(self) -> TemplateBook:
        """Which template goes when one is asked for."""
        languages = files.load_templates(self.settings.config_dir).languages
        return TemplateBook(self.account_templates, self.templates, self.company, languages)

    @cached_property
    def crm_writes(self) -> CrmWrites:
        """Telling the CRMs."""
        return CrmWrites(
            store=self.store,
            crms=self.crms,
            setbacks=self.setbacks,
            clock=self.clock,
            files_at=self.files_at,
            batch=self.tuning.crm.batch_size,
            shared_above=self.tuning.merging.shared_above,
            by_email=self.tuning.merging.by_email,
            standing=self.crm_standing,
        )

    @cached_property
    def crm_standing(self) -> CrmStanding:
        """Which CRMs are left in peace."""
        return CrmStanding(self.store, self.clock, catalogue.patience(self.tuning.breaker))

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
            shared_above=self.tuning.merging.shared_above,
            by_email=self.tuning.merging.by_email,
            most_deleted_share=self.tuning.sync.most_deleted_share,
            sealing_keys=self.sealing_keys,
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
        return Upkeep(self.store, self.clock, hook_days=self.tuning.hooks.keep_days)

    @cached_property
    def reports(self) -> Reports:
        """Figures."""
        return Reports(self.store, self.clock)
