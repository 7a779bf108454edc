"""What a simulated WhatsApp platform is like: accounts and secrets fixed at start, behaviour adjustable while it
runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEFAULT_LOG_LIMIT = 1_000_000
Span = tuple[float, float]


@dataclass(slots=True)
class StatusPace:
    """How an accepted message lives on. Spans are (least, most) seconds after the step before.

    `played` follows a voice note's `read`. Below `webhook_version` 24 statuses carry a `conversation`. With
    `service_charged` free-form messages, and utility templates in a window, cost money too, as from October 2026
    (pricing page).
    """

    sent: Span = (0.02, 0.15)
    delivered: Span = (0.05, 0.4)
    read: Span = (0.2, 2.0)
    played: Span = (0.2, 1.0)
    read_share: float = 0.7
    played_share: float = 0.8
    skip_delivered_share: float = 0.02
    failures_at_once: bool = False
    webhook_version: int = 25
    service_charged: bool = False


@dataclass(slots=True)
class Limits:
    """The platform's limits; 0 switches one off.

    `throughput` messages per second and number, in and out together (throughput page); `pair_interval` seconds per
    message to one customer with `pair_burst` borrowed ahead; `messaging_limit` customers a portfolio may reach outside
    a customer service window in 24 h (250, 2,000, 10,000, 100,000 or unlimited); `window_seconds` of the window itself.
    """

    throughput: float = 80.0
    pair_interval: float = 6.0
    pair_burst: int = 45
    messaging_limit: int = 100_000
    window_seconds: float = 86_400.0


@dataclass(slots=True)
class CallbackRules:
    """How webhooks leave. The platform batches up to 1,000 updates and 3 MB, and retries for up to 7 days.

    A batch waits `window` seconds for company or until `batch_items` are there. At most `concurrency` deliveries are
    under way. What is not answered 200 within `timeout` seconds is repeated after `retry_gaps` (the last one again and
    again) until `retry_for` seconds have passed since the first attempt.
    """

    window: float = 0.05
    batch_items: int = 100
    concurrency: int = 8
    timeout: float = 10.0
    retry_gaps: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
    retry_for: float = 7 * 86_400.0


@dataclass(slots=True)
class AccountRules:
    """What the platform allows an account; times are seconds, and a count of 0 is no limit.

    Sources: template, phone-number and coexistence pages. `verified`: the business passed verification, and so may have
    `numbers_verified` numbers instead of `numbers_unverified`. `code_seconds` is how long a verification code can be
    entered, `pause_seconds` how long the first and the second pause of a template last. `management_per_hour` requests
    other than sends are answered per hour (80007; 200 while no number is registered), `app_calls_per_hour` of any kind
    (4). `app_throughput` messages per second is what a number has that the WhatsApp Business App uses too.
    `history_chunk` messages travel in one history webhook, `history_gap` seconds after the one before.
    """

    verified: bool = True
    numbers_unverified: int = 2
    numbers_verified: int = 20
    template_limit: int = 250
    edit_gap: float = 86_400.0
    edits_per_month: int = 10
    deletion_seconds: float = 30 * 86_400.0
    archive_seconds: float = 28 * 86_400.0
    pause_seconds: tuple[float, ...] = (3 * 3_600.0, 6 * 3_600.0)
    code_seconds: float = 60.0
    code_tries: int = 5
    register_tries: int = 10
    register_window: float = 72 * 3_600.0
    pin_tries: int = 5
    management_per_hour: int = 5_000
    app_calls_per_hour: int = 0
    app_throughput: float = 20.0
    sync_window: float = 86_400.0
    history_chunk: int = 100
    history_gap: float = 0.05


@dataclass(slots=True)
class MediaRules:
    """How many seconds media live: uploads (30 days), customers' media (7 days), addresses (5 minutes); media page."""

    upload_seconds: float = 30 * 86_400.0
    inbound_seconds: float = 7 * 86_400.0
    url_seconds: float = 300.0


@dataclass(slots=True)
class Behaviour:
    """Everything that `POST /_sim/settings` can change while the simulator runs."""

    statuses: StatusPace = field(default_factory=StatusPace)
    limits: Limits = field(default_factory=Limits)
    callbacks: CallbackRules = field(default_factory=CallbackRules)
    account: AccountRules = field(default_factory=AccountRules)
    media: MediaRules = field(default_factory=MediaRules)

    def change(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Set values by section and name, all or none; raises `ValueError` naming what does not exist or fit."""
        for section, values in changes.items():
            part = getattr(self, section, None) if section in self.__slots__ else None
            for name, value in values.items():
                if part is None or name not in part.__slots__:
                    raise ValueError(f"there is no setting {section}.{name}")
                listed = isinstance(getattr(part, name), tuple)
                numbers = value if listed and isinstance(value, list) else [value]
                if listed != isinstance(value, list) or not all(isinstance(one, int | float) for one in numbers):
                    raise ValueError(
                        f"{section}.{name} is {'a list of numbers' if listed else 'a number or a boolean'}"
                    )
        for section, values in changes.items():
            for name, value in values.items():
                setattr(getattr(self, section), name, tuple(value) if isinstance(value, list) else value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """One WhatsApp Business account, its numbers, its app's secrets and where the app listens.

    `templates` None seeds the catalogue of `seeds.TEMPLATES`. `dead_pattern` is searched in a customer's number (digits
    only): who matches is not on WhatsApp. `allowed_recipients` (digits) restricts sends as an unverified test number's
    are (131030). `faults` are in force from the start (see `syncer.simulators.faults`). `seed` makes chance
    repeatable. `log_limit` rows are kept of each log, the newest; an accepted send takes about 2 KB with its
    customer, so the default can grow to 2 GB.
    """

    access_token: str = "simulator-access-token"
    app_secret: str = "simulator-app-secret"
    verify_token: str = "simulator-verify-token"
    callback_url: str | None = None
    waba_id: str = "102290129340398"
    phone_number_ids: tuple[str, ...] = ("106540352242922", "106540352242923")
    display_phone_numbers: tuple[str, ...] = ("886255501000", "886255502000")
    verified_name: str = "Formosa Goods"
    app_id: str = "670843887433847"
    templates: Sequence[Mapping[str, Any]] | None = None
    template_review_seconds: float = 1.0
    subscribed: bool = True
    dead_pattern: str | None = None
    allowed_recipients: frozenset[str] | None = None
    faults: Sequence[Mapping[str, Any]] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    host: str = "127.0.0.1"
    port: int = 0
    seed: int | None = None
    log_limit: int = DEFAULT_LOG_LIMIT

    def __post_init__(self) -> None:
        """Fail at the start, not at the first message."""
        if not self.phone_number_ids:
            raise ValueError("phone_number_ids: at least one is needed")
        if self.dead_pattern is not None:
            re.compile(self.dead_pattern)
