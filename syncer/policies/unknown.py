"""What to do about a send whose outcome nobody told us (law 6, X1).

The platform has no idempotency key, but it repeats our callback data in every status of a message it accepted. So the
silence about one message means something only if the channel speaks: when statuses of *later* sends from the same
number have come in, a message without any was not accepted. While the channel itself is silent, nothing can be known.
Nor can it while an echo may lie somewhere unheard: in our own inbox, or with the platform, after a delivery that we
turned away and that it will repeat out of its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.message import Category


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is listened to. `quiet` is tier 2's 30 s (R26)."""

    quiet: timedelta = timedelta(seconds=30)
    look_again: timedelta = timedelta(seconds=30)
    person_after: timedelta = timedelta(hours=24)
    most_attempts: int = 2
    #: How long after our door was shut a delivery may still be repeated: the platform begins at once and slows down.
    repeats: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Silence:
    """A send without an answer and without an echo. `later_echo`: a later send from this number has been echoed;
    `unheard`: an item of our inbox speaks of it that nobody has handled yet; `missed_until`: up to then the platform
    may have found our door shut."""

    category: Category
    attempts: int
    sent_at: datetime
    later_echo: bool
    unheard: bool = False
    missed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The silence is evidence: the platform never took it."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Not yet known; look again at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LetPersonDecide:
    """The engine must not guess."""

    reason: str


def judge(silence: Silence, *, now: datetime, patience: Patience) -> SendAgain | Listen | LetPersonDecide:
    """The next step for a send that no echo has settled."""
    quiet_until = silence.sent_at + patience.quiet
    if now < quiet_until:
        return Listen(quiet_until)
    if now - silence.sent_at >= patience.person_after:
        return LetPersonDecide(f"no word of this message for {patience.person_after}")
    if not silence.later_echo or silence.unheard or _may_be_repeated(silence, now, patience):
        return Listen(now + patience.look_again)
    if silence.category is Category.MARKETING:
        return LetPersonDecide("a marketing message is never sent again without a person")
    if silence.attempts >= patience.most_attempts:
        return LetPersonDecide(f"unanswered {silence.attempts} times")
    return SendAgain()


def _may_be_repeated(silence: Silence, now: datetime, patience: Patience) -> bool:
    missed = silence.missed_until
    return missed is not None and silence.sent_at <= missed and now < missed + patience.repeats
