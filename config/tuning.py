"""`syncer.toml`: the figures the engine runs by. The R-ids beside each value in the file say where it comes from.

Units are in the names: `_seconds`, `_hours`, `_ms`, `_per_minute`; a share is a fraction from 0 to 1.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.toml import FileModel

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
BatchSize = Annotated[int, Field(ge=1, le=100)]
QuotaName = Literal["hubspot", "hubspot.search", "salesforce", "zoho"]


class Rate(FileModel):
    """How fast one business number may send, shared by all workers (R2, R14, R18, X5)."""

    standard_per_minute: Count
    enterprise_per_minute: Count
    provider_per_second: Count
    reserve_share: Annotated[float, Field(ge=0, lt=1)]

    def per_minute(self, tier: Literal["standard", "enterprise"]) -> int:
        """Messages per minute in `tier`, before anything is kept in reserve."""
        return self.standard_per_minute if tier == "standard" else self.enterprise_per_minute


class WhatsAppTimeouts(FileModel):
    """Patience with the Graph API (R17): for the connection, and for the whole answer."""

    connect_timeout_seconds: Positive
    timeout_seconds: Positive

    @model_validator(mode="after")
    def _connects_first(self) -> WhatsAppTimeouts:
        if self.connect_timeout_seconds > self.timeout_seconds:
            raise ValueError("connect_timeout_seconds must not be longer than timeout_seconds")
        return self


class Sending(FileModel):
    """Campaign batches and the daily budgets (R14, R27)."""

    batch_size: BatchSize
    concurrency: Count
    daily_template_quota: Count


class Window(FileModel):
    """What happens to a free-form message whose customer service window has closed (X6)."""

    fallback_template: str
    held_days: Positive


class Retry(FileModel):
    """The three tiers (R26): at once, later, and a person before a deadline."""

    first_within_seconds: Annotated[float, Field(ge=0, le=1)]
    second_after_seconds: Positive
    person_within_hours: Annotated[float, Field(gt=0, le=24)]
    alarm_after_hours: Positive

    @model_validator(mode="after")
    def _alarm_before_deadline(self) -> Retry:
        if self.alarm_after_hours >= self.person_within_hours:
            raise ValueError("alarm_after_hours must come before person_within_hours, or the alarm is too late")
        return self


class UnknownOutcome(FileModel):
    """When to look for the echo of a send whose answer never came, and when to ask a person (X1)."""

    look_after_seconds: Positive
    look_every_seconds: Positive
    ask_person_after_hours: Positive


class Sync(FileModel):
    """The full contact sync on the beat (R25): every 10 to 15 minutes, one at a time. Beat rings for changes once a
    minute, so that `changed_every_seconds` is that at least, or 0: never."""

    interval_seconds: Annotated[int, Field(ge=600, le=900)]
    lease_seconds: Positive
    heartbeat_seconds: Positive
    page_size: Count
    changed_every_seconds: Annotated[int, Field(ge=0)]
    most_deleted_share: Share

    @model_validator(mode="after")
    def _heart_beats_twice_a_lease(self) -> Sync:
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError("heartbeat_seconds must be at most half of lease_seconds: one beat may be late")
        return self


class Merging(FileModel):
    """What makes rows of the CRMs one person besides their phone (R5)."""

    by_email: bool
    shared_above: Count


class Consent(FileModel):
    """What consent to promotional messages takes (R7), and how a customer is asked for it over WhatsApp."""

    double_opt_in: bool
    question_template: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    answer_within_days: Positive
    ask_again_after_days: Positive

    @model_validator(mode="after")
    def _one_question_at_a_time(self) -> Consent:
        if self.ask_again_after_days < self.answer_within_days:
            raise ValueError("ask_again_after_days must not be shorter than answer_within_days")
        return self


class Claims(FileModel):
    """How long a worker may hold rows it took, and how many it takes at a time."""

    lease_seconds: Positive
    realtime_page_size: Count
    max_wait_ms: Annotated[int, Field(ge=0, le=200)]


class Sweeper(FileModel):
    """The thread in every worker that finds what a lost doorbell left behind."""

    interval_seconds: Annotated[float, Field(gt=0, le=2)]


class CrmWrites(FileModel):
    """How writes to a CRM gather into batches (R22, R27): when full, or when the oldest has waited long enough."""

    batch_size: BatchSize
    max_wait_ms: Annotated[int, Field(ge=0, le=1000)]


class Breaker(FileModel):
    """When a CRM that does not answer is left in peace: after so many failed calls in a row, for a pause that doubles
    up to the longest; and after how long a person is told."""

    failures: Count
    first_pause_seconds: Positive
    longest_pause_seconds: Positive
    tell_after_seconds: Positive


class Quota(FileModel):
    """What a CRM lets us ask, all workers together: so many calls in any span of so many seconds, so many at once."""

    calls: Count | None = None
    seconds: Positive | None = None
    at_once: Count | None = None

    @model_validator(mode="after")
    def _calls_in_some_time(self) -> Quota:
        if (self.calls is None) != (self.seconds is None):
            raise ValueError("calls and seconds come together: so many calls in any span of so many seconds")
        if self.calls is None and self.at_once is None:
            raise ValueError("name calls and seconds, or at_once, or both")
        return self


class Replies(FileModel):
    """How often each CRM is asked for what its people wrote to be sent (R22). One that has told of such a
    record itself within `told_within_minutes` is asked every `net_seconds` only, for what it may not have told."""

    poll_seconds: dict[str, Positive]
    net_seconds: Positive
    told_within_minutes: Positive


class Hooks(FileModel):
    """How subscribers are told: seconds for an answer, deliveries in flight per worker, hours after which a delivery is
    given up, failures in a row after which a subscription rests, and days for which deliveries are kept."""

    timeout_seconds: Positive
    concurrency: Count
    give_up_after_hours: Positive
    rest_after_failures: Count
    keep_days: Positive


class Conversations(FileModel):
    """When a person takes over a conversation, and how fast customers are answered (R31, R32, R33)."""

    long_after_messages: Count
    handoff_within_seconds: Positive
    first_reply_within_seconds: Positive


class Alerts(FileModel):
    """Figures beyond which someone is told (R41); rates are compared with their own average."""

    rate_low_share: Share
    rate_high_share: Annotated[float, Field(gt=1)]
    error_rate: Share
    answered_within_seconds: Positive
    answered_share: Share


class Tuning(FileModel):
    """All of `syncer.toml`."""

    rate: Rate
    whatsapp: WhatsAppTimeouts
    send: Sending
    window: Window
    retry: Retry
    unknown: UnknownOutcome
    sync: Sync
    merging: Merging
    consent: Consent
    claims: Claims
    sweeper: Sweeper
    crm: CrmWrites
    breaker: Breaker
    quota: dict[QuotaName, Quota]
    replies: Replies
    hooks: Hooks
    conversations: Conversations
    alerts: Alerts
