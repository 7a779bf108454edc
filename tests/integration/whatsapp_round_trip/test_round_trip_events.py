"""Whatever the platform tells besides messages and statuses ends in one row of the inbox, in a final state, and has its
effect (R12, R13, X4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncer.simulators.whatsapp import notices, payloads, template_events
from syncer.whatsapp import events
from tests.integration.whatsapp_round_trip.engine import PRIMARY, Engine

#: Every field that the simulator can tell or that the engine reads, but messages and statuses.
FIELDS = {
    *(notices.QUALITY, notices.NAME, notices.CAPABILITY, notices.ACCOUNT, notices.USERNAME, *notices._EXAMPLES),
    *(template_events.STATUS, template_events.QUALITY, template_events.CATEGORY, template_events.COMPONENTS),
    *(payloads.PREFERENCES, payloads.ERRORS, payloads.ACTIONS),
    *(payloads.HISTORY, payloads.STATE_SYNC, payloads.MESSAGE_ECHOES),
    *events.BY_FIELD,
}
CUSTOMER, AGENT_WROTE_TO, IN_HISTORY = "886931000001", "886931000002", "886931000003"
NAMELESS = "+886910000000"
NAMED = {"name": "order_changed", "language": "zh_TW"}


@dataclass(frozen=True)
class Event:
    """Something the platform tells: how it is played, and how one sees its effect. As many rows of the inbox come of it
    as there are `states`."""

    field: str
    play: Callable[[Engine], object]
    seen: Callable[[Engine], object]
    states: tuple[str, ...] = ("done",)


def test_every_event_ends_in_the_inbox_and_has_its_effect(engine: Engine) -> None:
    engine.says({"from": CUSTOMER, "name": "王小明", "text": "12345"})
    engine.people(1, full_name="")
    problems = {}
    for name, event in EVENTS.items():
        last = engine.value("select coalesce(max(id), 0) from inbox")
        event.play(engine)
        told = partial(engine.rows, "select * from inbox where id > :last order by state", last=last)
        engine.until(lambda told=told, wanted=len(event.states): len(told()) >= wanted)  # type: ignore[misc]
        engine.settle()
        new = told()
        explained = all(row.reason for row in new if row.state == "ignored")
        if tuple(row.state for row in new) != event.states or not explained or not event.seen(engine):
            problems[name] = [(row.kind, row.state, row.reason) for row in new]
    assert not problems, "\n".join(f"{name}: {rows}" for name, rows in problems.items())
    assert engine.value("select count(*) from dead_letters") == 0


def test_the_table_has_every_field_the_simulator_tells_and_the_engine_reads() -> None:
    assert {event.field for event in EVENTS.values()} >= FIELDS


# --- how events are played


def _notice(field: str, **value: Any) -> Callable[[Engine], object]:
    return lambda engine: engine.control("POST", "notices", {"field": field, "value": value})


def _prefers(value: str, at: int) -> Callable[[Engine], object]:
    order = {"phone": CUSTOMER, "value": value, "timestamp": 1795000000 + at}
    return lambda engine: engine.control("POST", "preferences", order)


def _template(*, odd: bool = False, **change: Any) -> Callable[[Engine], object]:
    order = {"templates": [NAMED | change], "announce": True, "odd": odd}
    return lambda engine: engine.control("POST", "templates", order)


def _number(**change: Any) -> Callable[[Engine], object]:
    return lambda engine: engine.control("POST", "numbers", {"id": PRIMARY, "announce": True, **change})


def _account(event: str, **more: Any) -> Callable[[Engine], object]:
    return lambda engine: engine.control("POST", "account", {"event": event, **more})


def _limit(people: int) -> Callable[[Engine], object]:
    return lambda engine: engine.control("POST", "capability", {"messaging_limit": people})


def _error(code: int) -> Callable[[Engine], object]:
    return lambda engine: engine.control("POST", "errors", {"errors": [{"code": code}]})


def _app_speaks(engine: Engine) -> None:
    engine.control("POST", "app/messages", {"messages": [{"to": AGENT_WROTE_TO, "text": "已為您保留"}]})


def _history(engine: Engine) -> None:
    words = [{"text": "還有貨嗎", "timestamp": 1795000000}, {"text": "有的", "from_me": True, "timestamp": 1795000060}]
    _onboard(engine, threads=[{"phone": IN_HISTORY, "messages": words}])
    _synchronise(engine, "history")


def _address_book(engine: Engine) -> None:
    _onboard(engine, contacts=[{"phone": NAMELESS, "name": "陳大文"}])
    _synchronise(engine, "smb_app_state_sync")


def _onboard(engine: Engine, **known: Any) -> None:
    engine.control("POST", "app/onboard", {"phone_number_id": PRIMARY, **known})


def _synchronise(engine: Engine, what: str) -> None:
    """The engine's operator asks for it by the Graph API."""
    answer = engine.graph("POST", f"{PRIMARY}/smb_app_data", {"messaging_product": "whatsapp", "sync_type": what})
    assert answer.status_code == 200, answer.text


# --- how their effects are seen


def _consent(word: str, in_crm: str) -> Callable[[Engine], object]:
    def seen(engine: Engine) -> bool:
        last = engine.rows("select word, source from consents where tier = 'marketing' order by id desc limit 1")
        entered = [tuple(row) for row in last] == [(word, "whatsapp:user_preferences")]
        return entered and engine.customers()[0].accepts_marketing == in_crm

    return seen


def _template_is(**columns: Any) -> Callable[[Engine], object]:
    def seen(engine: Engine) -> bool:
        row = engine.rows("select * from templates where name = :name and language = :language", **NAMED)[0]
        return all(getattr(row, name) == value for name, value in columns.items())

    return seen


def _number_is(**columns: Any) -> Callable[[Engine], object]:
    def seen(engine: Engine) -> bool:
        row = engine.rows("select * from numbers where phone_number_id = :id", id=PRIMARY)[0]
        return all(getattr(row, name) == value for name, value in columns.items())

    return seen


def _alert(key: str) -> Callable[[Engine], object]:
    return lambda engine: key in engine.column("select key from alerts")


def _no_alert(key: str) -> Callable[[Engine], object]:
    return lambda engine: key not in engine.open_alerts()


def _all(*seen: Callable[[Engine], object]) -> Callable[[Engine], object]:
    return lambda engine: all(one(engine) for one in seen)


def _ignored(field: str, play: Callable[[Engine], object] | None = None) -> Event:
    return Event(field, play or _notice(field), lambda engine: True, ("ignored",))


def _catalogue_is_read_again(engine: Engine) -> bool:
    engine.clock.advance(seconds=31)
    engine.runtime.template_watch.keep()
    text = engine.value("select components::text from templates where name = :name and language = :language", **NAMED)
    return "NEW WORDS" in text


def _echo_is_recorded(engine: Engine) -> bool:
    record = next((row for row in engine.recorded().values() if row.body == "已為您保留"), None)
    return record is not None and (record.direction, record.mobile) == ("out", f"+{AGENT_WROTE_TO}")


def _history_is_for_people_only(engine: Engine) -> bool:
    rows = engine.rows("select direction, body from messages where origin = 'history' order by occurred_at")
    told = [tuple(row) for row in rows] == [("in", "還有貨嗎"), ("out", "有的")]
    return told and not [row for row in engine.recorded().values() if row.body == "還有貨嗎"]


_STATE = "template:order_changed:zh_TW"
_COMPONENTS = [{"type": "BODY", "text": "NEW WORDS for you"}, {"type": "FOOTER", "text": "Formosa Tea Co."}]
EVENTS = {
    "marketing is stopped": Event("user_preferences", _prefers("stop", 0), _consent("revoked", "N")),
    "marketing is resumed": Event("user_preferences", _prefers("resume", 1), _consent("granted", "Y")),
    "marketing is stopped again": Event("user_preferences", _prefers("stop", 2), _consent("revoked", "N")),
    "somebody signs up": Event("user_preferences", _prefers("signup", 3), _consent("granted", "Y")),
    "a template is paused": Event(
        template_events.STATUS, _template(status="PAUSED"), _all(_template_is(status="PAUSED"), _alert(_STATE))
    ),
    "a template is approved": Event(
        template_events.STATUS, _template(status="APPROVED"), _all(_template_is(status="APPROVED"), _no_alert(_STATE))
    ),
    "a template is rejected": Event(
        template_events.STATUS,
        _template(status="REJECTED", rejected_reason="SCAM"),
        _all(_template_is(status="REJECTED", reason="SCAM"), _alert(_STATE)),
    ),
    "a template is approved after all": Event(
        template_events.STATUS, _template(status="APPROVED"), _all(_template_is(status="APPROVED"), _no_alert(_STATE))
    ),
    "a template's quality falls": Event(
        template_events.QUALITY,
        _template(quality_score="RED"),
        _all(_template_is(quality="RED"), _alert(f"{_STATE}:quality")),
    ),
    "a template's quality rises, told oddly": Event(
        template_events.QUALITY,
        _template(quality_score="GREEN", odd=True),
        _all(_template_is(quality="GREEN"), _no_alert(f"{_STATE}:quality")),
    ),
    "a template becomes marketing": Event(
        template_events.CATEGORY,
        _template(category="MARKETING"),
        _all(_template_is(category="marketing"), _alert(f"{_STATE}:category")),
    ),
    "a template has new words": Event(
        template_events.COMPONENTS, _template(components=_COMPONENTS), _catalogue_is_read_again
    ),
    "a number is flagged": Event(notices.QUALITY, _number(status="FLAGGED"), _number_is(status="FLAGGED")),
    "a number is well again": Event(notices.QUALITY, _number(status="CONNECTED"), _number_is(status="CONNECTED")),
    "a number has a new name": Event(notices.NAME, _number(verified_name="茶行"), _number_is(verified_name="茶行")),
    "a name is rejected": Event(
        notices.NAME,
        _notice(notices.NAME, decision="REJECTED", rejection_reason="NAME_FORMAT"),
        _alert(f"number:{PRIMARY}:rename"),
    ),
    # One notice of the account, and one of each number.
    "the messaging limit falls": Event(
        notices.CAPABILITY,
        _limit(250),
        _all(_number_is(messaging_limit=250), _alert("account:messaging_limit")),
        ("done",) * 3,
    ),
    "the messaging limit rises": Event(
        notices.CAPABILITY,
        _limit(100_000),
        _all(_number_is(messaging_limit=100_000), _no_alert("account:messaging_limit")),
        ("done",) * 3,
    ),
    "the account is warned": Event(
        notices.ACCOUNT, _account("ACCOUNT_VIOLATION"), _alert("account:account_update:ACCOUNT_VIOLATION")
    ),
    "the account is locked": Event(
        notices.ACCOUNT,
        _account("DISABLED_UPDATE"),
        lambda engine: "account:stopped" in engine.open_alerts(),
    ),
    "the account is reinstated": Event(
        notices.ACCOUNT,
        _account("DISABLED_UPDATE", value={"ban_info": {"waba_ban_state": "REINSTATE"}}),
        _no_alert("account:stopped"),
    ),
    "a partner was added": Event(notices.ACCOUNT, _account("PARTNER_ADDED"), lambda engine: True),
    "an alert of the account's": Event(
        "account_alerts",
        _notice("account_alerts"),
        _alert("account:account_alerts:INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO"),
    ),
    "the account was reviewed": Event("account_review_update", _notice("account_review_update"), lambda engine: True),
    "the pin was changed": Event("security", _notice("security"), _alert("account:security:PIN_CHANGED")),
    "an error of nobody's": Event(payloads.ERRORS, _error(131016), lambda engine: True),
    "an error that a person must see": Event(payloads.ERRORS, _error(131042), _alert("account:errors:131042")),
    "somebody clicked": _ignored(payloads.ACTIONS, lambda engine: engine.control("POST", "clicks", {})),
    "the app's history": Event(payloads.HISTORY, _history, _history_is_for_people_only, ("done", "done", "ignored")),
    "an agent wrote in the app": Event(payloads.MESSAGE_ECHOES, _app_speaks, _echo_is_recorded),
    "the app's address book": Event(
        payloads.STATE_SYNC,
        _address_book,
        lambda engine: engine.value("select full_name from contacts where phone = :phone", phone=NAMELESS) == "陳大文",
    ),
    "a flow changed": _ignored("flows"),
    "payments are configured": _ignored("payment_configuration_update"),
    "a partner's solution": _ignored("partner_solutions"),
    "a username of ours": _ignored(notices.USERNAME),
    "a call": _ignored("calls", _notice("calls", calls=[{"id": "wacid.1", "event": "connect"}])),
    "a field of next year": _ignored("from_next_year", _notice("from_next_year", anything=1)),
}
