"""Which business number a message leaves by: its own, the one that stands in for it, or none for now (R12).

Primary and backup stand in for each other. **Templates** move when their own number is restricted, disconnected or
used up, and come back `SETTLED` after it is well again: the platform's word on a number flickers (notices come late and
out of order), every flicker would cost refused messages, and a number that has just been released should not carry a
whole campaign in its first minute. **Marketing does not leave a number of bad quality**: complaints would follow it
and cost the other number its standing too. **Free-form replies** go by the number that the customer wrote to; another
one may only carry them where the customer has an open window with it as well.

Waiting is not failing (law 8): a message for which there is no way now waits, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from syncer.domain.message import Category

#: How long a number must have been well before templates return to it.
SETTLED = timedelta(minutes=5)
#: Nobody knows when a trouble ends, and one that has ended should be noticed soon.
LOOK_AGAIN = timedelta(seconds=60)

#: The platform's words for a number that sends (phone-numbers page); an empty one means that it was never looked at.
WELL = frozenset({"", "UNKNOWN", "CONNECTED"})
#: Sends, but the platform watches it: whatever can go by the other number should.
WATCHED = frozenset({"FLAGGED"})
#: Will not come back.
GONE = frozenset({"DELETED", "MIGRATED"})
#: Pauses for this code concern what the business starts, not its replies: too many of our messages were reported.
_SPAM = "131048"


class SendsBy(StrEnum):
    """A person's word on the way that templates go: by the engine's own choice, or by this number and no other."""

    AUTO = "auto"
    PRIMARY = "primary"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a number. `status`, `quality`, `can_send` are the platform's words; `paused_until` our own stop
    on the word of an error, `exhausted_until` until when its rate or quota is used up; `well_since` is set when the
    platform's word turned from bad to good."""

    id: str
    status: str = ""
    quality: str = ""
    can_send: str = ""
    paused_until: datetime | None = None
    paused_reason: str = ""
    exhausted_until: datetime | None = None
    well_since: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether the platform has nothing against it, by its own word."""
        return self.status in WELL and self.can_send != "BLOCKED"

    @property
    def fit(self) -> bool:
        """Whether the platform lets it send, by its own word."""
        return self.well or (self.status in WATCHED and self.can_send != "BLOCKED")

    @property
    def tainted(self) -> bool:
        """Whether marketing from it has drawn so many complaints that it must not be carried elsewhere."""
        return self.quality == "RED" or self.status in WATCHED


@dataclass(frozen=True, slots=True)
class Line:
    """All numbers at one moment. `stopped_until` counts only with a `stopped_reason`; None is until further notice."""

    primary: str
    backup: str | None = None
    health: Mapping[str, Health] = field(default_factory=dict)
    sends_by: SendsBy = SendsBy.AUTO
    stopped_reason: str = ""
    stopped_until: datetime | None = None

    def of(self, number: str) -> Health:
        """A number's health; one that nobody has looked at yet counts as well."""
        return self.health.get(number) or Health(number)

    def stand_in(self, number: str) -> str | None:
        """Who takes over for a number; None for one that is neither primary nor backup."""
        return {self.primary: self.backup, self.backup: self.primary}.get(number)

    def ordered(self, number: str) -> str | None:
        """The number that a person has ordered in this one's place."""
        if self.sends_by is SendsBy.AUTO or self.stand_in(number) is None:
            return None
        return self.primary if self.sends_by is SendsBy.PRIMARY else self.backup


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message to be routed. `number` is the one it was planned for, `windows` until when its recipient may be written
    to freely, by number; `in_doubt`: an earlier attempt may have been taken."""

    number: str
    category: Category
    free_form: bool
    windows: Mapping[str, datetime] = field(default_factory=dict)
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """No way now; look again at `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """It may leave by `by`. `as_template`: the customer service window there is closed, so only its template may;
    `otherwise` is what to do where it has none - None: nothing can be waited for."""

    by: str
    as_template: bool = False
    reason: str = ""
    otherwise: Wait | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """There will never be a way."""

    reason: str


Way = Leave | Wait | Refuse


@dataclass(frozen=True, slots=True)
class _Trouble:
    reason: str
    until: datetime | None = None
    for_good: bool = False

    def wait(self, now: datetime) -> Wait:
        """Until it ends, but never so long that an earlier end goes unnoticed."""
        return Wait(min(self.until or now + LOOK_AGAIN, now + LOOK_AGAIN), self.reason)


def choose(parcel: Parcel, line: Line, now: datetime) -> Way:
    """The way of one message."""
    if parcel.in_doubt:
        return Wait(now + LOOK_AGAIN, "its outcome is not known: it stays with its number until that is settled")
    if line.stopped_reason and (line.stopped_until is None or now < line.stopped_until):
        return _Trouble(f"the account is stopped: {line.stopped_reason}", line.stopped_until).wait(now)
    return _reply(parcel, line, now) if parcel.free_form else _template(parcel, line, now)


def present_way(line: Line, now: datetime) -> Way:
    """The way that a utility template of the primary number takes now; for people who look."""
    return choose(Parcel(line.primary, Category.UTILITY, free_form=False), line, now)


def _template(parcel: Parcel, line: Line, now: datetime) -> Way:
    if ordered := line.ordered(parcel.number):
        trouble = _trouble(line.of(ordered), now, reply=False)
        return trouble.wait(now) if trouble else Leave(ordered, reason="a person has ordered it so")
    own, other = line.of(parcel.number), line.stand_in(parcel.number)
    trouble = _trouble(own, now, reply=False)
    stays = parcel.category is Category.MARKETING and own.tainted
    if trouble is None:
        better = None if stays or other is None else _better(own, line.of(other), now)
        return Leave(other, reason=better) if other and better else Leave(parcel.number)
    if stays:
        return _stay(trouble, now, f"{trouble.reason}; marketing does not leave a number of bad quality")
    if other is None or not _takes(parcel, line.of(other), now):
        return _stay(trouble, now, f"{trouble.reason}, and no other number can stand in")
    return Leave(other, reason=trouble.reason)


def _better(own: Health, other: Health, now: datetime) -> str | None:
    """Why a number that could send leaves it to the other; None when it need not. Only to one that is wholly well."""
    if _trouble(other, now, reply=False) or other.tainted or _recovering(other, now):
        return None
    if own.status in WATCHED:
        return f"number {own.id} is {own.status}"
    return f"number {own.id} has been well for less than {SETTLED}" if _recovering(own, now) else None


def _takes(parcel: Parcel, other: Health, now: datetime) -> bool:
    marketing_on_thin_ice = parcel.category is Category.MARKETING and other.tainted
    return not marketing_on_thin_ice and _trouble(other, now, reply=False) is None


def _reply(parcel: Parcel, line: Line, now: datetime) -> Way:
    trouble = _trouble(line.of(parcel.number), now, reply=True)
    if trouble is None:
        return Leave(parcel.number, as_template=not _open(parcel, parcel.number, now))
    if trouble.until and trouble.until <= now + LOOK_AGAIN:
        return trouble.wait(now)
    other = line.stand_in(parcel.number)
    if other is None:
        return _stay(trouble, now, f"{trouble.reason}, and no number stands in for it")
    if _open(parcel, other, now) and _trouble(line.of(other), now, reply=True) is None:
        return Leave(other, reason=trouble.reason)
    if _trouble(line.of(other), now, reply=False) is None:
        return Leave(other, True, trouble.reason, None if trouble.for_good else trouble.wait(now))
    return _stay(trouble, now, f"{trouble.reason}, and no other number can stand in")


def _stay(trouble: _Trouble, now: datetime, reason: str) -> Way:
    return Refuse(reason) if trouble.for_good else _Trouble(reason, trouble.until).wait(now)


def _trouble(health: Health, now: datetime, *, reply: bool) -> _Trouble | None:
    """What keeps a number from sending this kind of message."""
    if health.status in GONE:
        return _Trouble(f"number {health.id} is {health.status}", for_good=True)
    if not health.fit:
        word = "blocked by the platform" if health.status in WELL | WATCHED else health.status
        return _Trouble(f"number {health.id} is {word}")
    spared = reply and health.paused_reason.startswith(_SPAM)
    if health.paused_until and now < health.paused_until and not spared:
        return _Trouble(f"number {health.id} is paused: {health.paused_reason}", health.paused_until)
    if health.exhausted_until and now < health.exhausted_until and not reply:
        return _Trouble(f"number {health.id} is used up", health.exhausted_until)
    return None


def _recovering(health: Health, now: datetime) -> bool:
    """Well again, but not for long. A rate that was used up is no illness: its end is known."""
    ends = [moment for moment in (health.well_since, health.paused_until) if moment is not None]
    return bool(ends) and now < max(ends) + SETTLED


def _open(parcel: Parcel, number: str, now: datetime) -> bool:
    until = parcel.windows.get(number)
    return until is not None and now < until
