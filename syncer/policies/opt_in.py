"""Double opt-in over WhatsApp: whom to ask, and what counts as an answer (R7).

The first step is somebody's word that the customer ticked a box; the second is the customer's own, from their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.policies import consent
from syncer.policies.rules import level

#: What the question's buttons bring back (`templates.toml`). The second one also stands below other templates of ours.
CONFIRM, DECLINE = "OPT_IN", "OPT_OUT"
_SECOND = timedelta(seconds=1)


class QuestionState(StrEnum):
    """What became of a question. One that was never answered stays `asked`; `is_open` says whether it still counts."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    DECLINED = "declined"


class Objection(StrEnum):
    """Why somebody is not asked."""

    OTHER_TIER = "only offers take a second step; notices need none"
    CONFIRMED = "they have confirmed it already"
    REVOKED = "they have said no themselves; only they can take that back"
    NO_NOTICES = "they want no notices, and the question is one"
    ASKED_LATELY = "they were asked lately"
    UNREACHABLE = "they cannot be written to"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a question waits for its answer, and how long nobody is asked again."""

    answer_within: timedelta = timedelta(days=7)
    ask_again_after: timedelta = timedelta(days=30)


def objection(
    tier: Tier, entries: Iterable[ConsentEntry], last_asked: datetime | None, now: datetime, patience: Patience
) -> Objection | None:
    """The reason not to ask, or None. Whoever has said no in WhatsApp is not asked because somebody tells of a box that
    was ticked later. A CRM's unticked box is no reason: nobody knows who left it so."""
    if tier is not Tier.MARKETING:
        return Objection.OTHER_TIER
    ledger = list(entries)
    own = filter(consent.is_confirmed, ledger), (entry for entry in ledger if entry.explicit)
    if any(consent.current(words)[Tier.MARKETING] is Word.REVOKED for words in own):
        return Objection.REVOKED
    if consent.current(ledger)[Tier.TRANSACTIONAL] is Word.REVOKED:
        return Objection.NO_NOTICES
    if consent.confirmed(ledger)[Tier.MARKETING] is Word.GRANTED:
        return Objection.CONFIRMED
    if last_asked is not None and now < last_asked + patience.ask_again_after:
        return Objection.ASKED_LATELY
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits for its answer. `wamid` None: the platform has not confirmed yet that it took it.
    `overtaken`: something else was said to the customer since, which a bare "yes" may be about."""

    id: int
    tier: Tier
    wamid: str | None
    asked_at: datetime
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A customer's message, as far as it may be an answer. `payload` is what a pressed button brings back."""

    text: str
    payload: str | None
    reply_to: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """What means yes and no as a whole message (`rules.toml`), levelled."""

    words: Mapping[str, Word]

    @classmethod
    def of(cls, yes: Iterable[str], no: Iterable[str]) -> Answers:
        """From words as people write them."""
        granted = {level(word): Word.GRANTED for word in yes}
        return cls(granted | {level(word): Word.REVOKED for word in no})

    def read(self, heard: Heard) -> Word | None:
        """Yes, no, or nothing of the kind; whether anything was asked is another matter."""
        if heard.payload is not None:
            return {CONFIRM: Word.GRANTED, DECLINE: Word.REVOKED}.get(heard.payload)
        return self.words.get(level(heard.text))


def answered(heard: Heard, questions: Sequence[Question], patience: Patience) -> Question | None:
    """Which of a customer's questions this message answers, if it is an answer at all. A quote or a button names its
    question; bare words are an answer only if nothing else was said in between."""
    waiting = [question for question in questions if is_open(question.asked_at, heard.at, patience)]
    waiting.sort(key=lambda question: (question.asked_at, question.id))
    named = [question for question in waiting if question.wamid and question.wamid == heard.reply_to]
    if named:
        return named[-1]
    if heard.payload is not None:
        # Only the question has this button, so whoever presses it has got it, whether we were told so yet or not.
        unnamed = [question for question in waiting if question.wamid is None or heard.reply_to is None]
        return unnamed[-1] if unnamed else None
    bare = [question for question in waiting if question.wamid and not question.overtaken]
    return bare[-1] if bare and heard.reply_to is None else None


def is_open(asked_at: datetime, at: datetime, patience: Patience) -> bool:
    """Whether a question of `asked_at` still waits at this moment: silence expires, and nothing has changed. The
    platform tells the time of messages in whole seconds."""
    return asked_at - _SECOND < at < asked_at + patience.answer_within
