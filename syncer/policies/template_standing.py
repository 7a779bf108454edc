"""What the platform's word on a template means for us: may it be sent, do its campaigns wait, must a person know (R13).

Only approved templates are sent. `suspended` is our own word: sends of an approved template were refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.template import TemplateState

#: The platform's notices of an event that is no state of its own: the state it leaves the template in; None: unchanged.
_EVENTS: dict[str, str | None] = {
    "REINSTATED": TemplateState.APPROVED,
    "FLAGGED": None,
    "LOCKED": None,
    "UNARCHIVED": None,
}
#: Refusals that say something of the template or of what we make of it, as patterns of SQL's `like`: wrong or missing
#: parameters, and the whole family 132 (the platform's error table). They are nobody's in particular when they are
#: everybody's.
TEMPLATE_ERRORS = ("100", "131008", "131009", "131053", "132%")
#: So many sends in a row that fail for it make it a template that fails for everyone.
FAILS_FOR_EVERYONE = 20
#: After so many stops without a message accepted in between, only a change or a person ends the next one.
MOST_STRIKES = 2
#: States out of which the platform itself is likely to lead; the others need a person.
_PASSING = frozenset({TemplateState.PENDING, TemplateState.IN_APPEAL, TemplateState.PAUSED})


class Level(StrEnum):
    """How grave; the values are those of `store.alerts`."""

    WARNING = "warning"
    CRITICAL = "critical"


class About(StrEnum):
    """What an alert of a template is about; the end of its key."""

    STATE = ""
    QUALITY = ":quality"
    CATEGORY = ":category"
    NOTICE = ":notice"  #: the platform told something that changes no state, such as FLAGGED


@dataclass(frozen=True, slots=True)
class Standing:
    """A template as we know it. `status` as the platform says it, empty when only a side notice has told of it;
    `listed` whether the last whole catalogue had it; `suspended` why we stopped it ourselves."""

    status: str
    quality: str = "UNKNOWN"
    category: str = ""
    listed: bool = True
    suspended: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person shall know; `message` None means that the trouble is over."""

    about: About
    message: str | None
    level: Level = Level.WARNING


@dataclass(frozen=True, slots=True)
class Consequences:
    """`hold` is why campaigns that use it wait from now on; None lets those that waited for it go on."""

    hold: str | None
    alerts: tuple[Alert, ...] = ()


def state_after(event: str | None, status: str) -> str:
    """The template's state after a notice; words that we do not know change nothing."""
    if event is None:
        return status
    if event in TemplateState.__members__:
        return event
    return _EVENTS.get(event) or status


def obstacle(standing: Standing | None, *, catalogue_known: bool) -> str | None:
    """Why it may not be sent now; None when it may. A template we never heard of may be sent only while nobody has ever
    read the account's catalogue."""
    if standing is None:
        return "is not in the account's catalogue" if catalogue_known else None
    if standing.suspended is not None:
        return f"is suspended: {standing.suspended}"
    if not standing.listed:
        return "is no longer in the account's catalogue"
    if standing.status == TemplateState.APPROVED:
        return None
    if not standing.status:
        return "is in a state that is not known yet" if catalogue_known else None
    why = ", ".join(filter(None, (standing.reason, standing.detail)))
    return f"is {standing.status}" + (f" ({why})" if why else "")


def consequences(
    before: Standing | None, after: Standing, *, in_use: bool, catalogue_known: bool = True
) -> Consequences:
    """What follows from a template being `after` when it was `before` (None: first heard of).

    `in_use`: campaigns are planned with it. A template that nobody uses and that was never any better troubles nobody.
    """
    now = obstacle(after, catalogue_known=catalogue_known)
    earlier = obstacle(before, catalogue_known=catalogue_known) if before else None
    news = earlier != now if before else in_use
    alerts = [*_state_alerts(after, now, news=news, in_use=in_use), *_quality_alerts(before, after)]
    return Consequences(now, (*alerts, *_category_alerts(before, after)))


def _state_alerts(after: Standing, now: str | None, *, news: bool, in_use: bool) -> list[Alert]:
    if now is None:
        return [Alert(About.STATE, None)]
    bad_for_good = after.suspended is not None or not after.listed
    waits_quietly = after.status in ("", TemplateState.PENDING) and not bad_for_good and not in_use
    if not news or waits_quietly:
        return []
    passing = after.status in _PASSING and not bad_for_good
    return [Alert(About.STATE, f"it {now}", Level.WARNING if passing else Level.CRITICAL)]


def _quality_alerts(before: Standing | None, after: Standing) -> list[Alert]:
    if after.quality != "RED":
        return [Alert(About.QUALITY, None)] if before and before.quality == "RED" else []
    news = before is None or before.quality != "RED"
    return [Alert(About.QUALITY, "its quality is RED: the platform may pause it")] if news else []


def _category_alerts(before: Standing | None, after: Standing) -> list[Alert]:
    if before is None or not before.category or before.category == after.category:
        return []
    told = f"it was {before.category} and is {after.category} now: price and consent rules differ"
    return [Alert(About.CATEGORY, told)]
