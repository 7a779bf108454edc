"""Random lives of a customer's consent, and the rule by which they are judged - written anew and simply, so that it
shares nothing with the engine's (R7).

A history is bytes, two for each event, which makes it cheap to draw and easy to shrink. It is about two contacts, who
may turn out to be one person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from syncer.domain.consent import Tier, Word


class Kind(StrEnum):
    """What can happen."""

    FORM = "somebody tells us what the customer said of offers"
    FORM_NOTICES = "or of notices"
    KEYWORD = "the customer writes START or STOP"
    PROVIDER = "the customer tells the platform"
    CRM = "the CRM's first row changes"
    CRM_TOO = "the CRM's second row changes"
    ECHO = "the CRM has what we wrote to it"
    ASK = "the customer is asked for the second step"
    BUTTON = "they press a button of the question"
    BARE = "they answer in words"
    BLOCK = "they are blocked, or not any more"
    WAIT = "time passes"
    JOIN = "the two contacts are one person"


_KINDS = tuple(Kind)
#: An event takes a `STEP`, so that two words may well have been said at the same moment.
STEP = timedelta(seconds=2)
_LAGS = (timedelta(0), STEP, 2 * STEP, timedelta(hours=1), timedelta(days=2), timedelta(days=-1))
_WAITS = (timedelta(seconds=5), timedelta(hours=2), timedelta(days=3), timedelta(days=8), timedelta(days=31))
_FLAGS = (None, True, False)
ANSWER_WITHIN, ASK_AGAIN_AFTER = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens to one of the two contacts. `lag` is how long ago it was said when it reaches us (less
    than nothing: by a clock that runs ahead); `offers` and `notices` are a CRM row's boxes."""

    kind: Kind
    who: int
    word: Word
    lag: timedelta
    wait: timedelta
    offers: bool | None
    notices: bool | None


def events(history: bytes) -> Iterator[Event]:
    """What a history tells."""
    for first, second in zip(history[::2], history[1::2], strict=False):
        yield Event(
            kind=_KINDS[first % len(_KINDS)],
            who=first // len(_KINDS) % 2,
            word=(Word.GRANTED, Word.REVOKED)[second % 2],
            lag=_LAGS[second // 2 % len(_LAGS)],
            wait=_WAITS[second // 10 % len(_WAITS)],
            offers=_FLAGS[second % 3],
            notices=(None, None, True, False)[second // 3 % 4],
        )


@dataclass
class Customer:
    """What is true of one person. Words about offers are (when, whether it was said in WhatsApp)."""

    yes: list[tuple[datetime, bool]] = field(default_factory=list)
    no: list[tuple[datetime, bool]] = field(default_factory=list)
    notices: list[tuple[datetime, Word]] = field(default_factory=list)
    rows: dict[str, tuple[bool | None, bool | None]] = field(default_factory=dict)
    crm_refuses_notices: bool = False
    blocked: bool = False
    asked: datetime | None = None
    waiting: list[datetime] = field(default_factory=list)

    def says(self, word: Word, at: datetime, *, in_whatsapp: bool) -> None:
        """Of offers."""
        (self.yes if word is Word.GRANTED else self.no).append((at, in_whatsapp))

    def says_of_notices(self, word: Word, at: datetime) -> None:
        """Who wants none wants no offers either."""
        self.notices.append((at, word))
        if word is Word.REVOKED:
            self.no.append((at, False))

    def wants_offers(self, double: bool) -> bool:
        """Whether they have said yes, and nothing since that takes it back. Without a word of their own, what the CRM
        says: a yes in some row and a no in none. Under double opt-in only a yes said in WhatsApp counts."""
        if double or self.yes or self.no:
            last = max((at for at, in_whatsapp in self.yes if in_whatsapp or not double), default=None)
            return last is not None and all(at < last for at, _ in self.no)
        boxes = list(self.rows.values())
        return any(offers is True for offers, _ in boxes) and not any(False in box for box in boxes)

    def wants_no_notices(self) -> bool:
        """Likewise, but nobody has to say yes to them."""
        if self.notices:
            last = max(at for at, _ in self.notices)
            return (last, Word.REVOKED) in self.notices
        return self.crm_refuses_notices

    def is_in_the_crm_as(self, row: str, offers: bool | None, notices: bool | None) -> None:
        """What a row of theirs says from now on. A no to notices stands until some row says yes and none says no."""
        self.rows[row] = offers, notices
        said = {notices for _, notices in self.rows.values()}
        self.crm_refuses_notices = False in said or (self.crm_refuses_notices and True not in said)

    def may_be_courted(self, double: bool) -> bool:
        """Whether a promotional message may reach them."""
        return not self.blocked and self.wants_offers(double)

    def may_be_asked(self, now: datetime) -> bool:
        """Nobody is whose last word is no, or whose last in WhatsApp, who has confirmed, wants no notices, or was asked
        lately."""
        said_no = any(
            no and max(no) >= max(yes, default=max(no))
            for no, yes in (
                ([at for at, _ in self.no], [at for at, _ in self.yes]),
                ([at for at, here in self.no if here], [at for at, here in self.yes if here]),
            )
        )
        lately = self.asked is not None and now < self.asked + ASK_AGAIN_AFTER
        return not (said_no or lately or self.blocked or self.wants_no_notices() or self.wants_offers(double=True))

    def is_asked(self, now: datetime) -> None:
        """The question is on its way."""
        self.asked = now
        self.waiting.append(now)

    def answers(self, word: Word, now: datetime, *, button: bool) -> None:
        """To the last question that still waits; a button is the last question's. The stop button says no at any
        time."""
        open_ones = [at for at in self.waiting if now < at + ANSWER_WITHIN and (at == self.asked or not button)]
        if open_ones:
            self.waiting.remove(max(open_ones))
        if open_ones or (button and word is Word.REVOKED):
            self.says(word, now, in_whatsapp=True)

    def boxes(self, words: dict[Tier, bool | None], row: str) -> tuple[bool | None, bool | None]:
        """A row's boxes once the CRM has been told what holds; of what nobody has said it is told nothing."""
        before = self.rows[row]
        told = words[Tier.MARKETING], words[Tier.TRANSACTIONAL]
        return tuple(old if new is None else new for old, new in zip(before, told, strict=True))  # type: ignore[return-value]

    def absorb(self, other: Customer) -> None:
        """They were the same person all along."""
        self.yes += other.yes
        self.no += other.no
        self.notices += other.notices
        self.crm_refuses_notices |= other.crm_refuses_notices
        self.blocked |= other.blocked
        for row, boxes in list(other.rows.items()):
            self.is_in_the_crm_as(row, *boxes)
        asked = [at for at in (self.asked, other.asked) if at is not None]
        self.asked = max(asked, default=None)
        self.waiting += other.waiting
