"""Templates: what the account has is known, what may not be sent holds its campaigns, and a person is told (R13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.errors import FixCredentials, PauseTemplate, TryAgain, WrongTemplate
from syncer.domain.message import Sender
from syncer.domain.notice import TemplateNotice
from syncer.flows.template_watch import TemplateWatch
from syncer.flows.templates import Templates
from syncer.store import campaigns, outgoing, recognition, template_pulls, templates
from syncer.store.session import Store
from tests.fakes.catalogue import FakeCatalogue, listed
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs

ORDER, LANGUAGE = "order_confirmation", "zh_TW"
KEY = (ORDER, LANGUAGE)
ABSENT = WrongTemplate("the template does not exist in zh_TW", code="132001")


@dataclass
class Desk:
    """The flows on a real database, and an account at a platform that does what the test says."""

    store: Store
    clock: FakeClock
    jobs: RecordingJobs
    account: FakeCatalogue
    watch: TemplateWatch
    templates: Templates

    def row(self, key: tuple[str, str] = KEY) -> Any:
        with self.store.begin() as tx:
            return templates.by_keys(tx, [key]).get(key)

    def obstacle(self, key: tuple[str, str] = KEY) -> str | None:
        with self.store.begin() as tx:
            return self.templates.sendable(tx, [key])[key].obstacle

    def tell(self, *notices: TemplateNotice) -> None:
        with self.store.begin() as tx:
            assert self.templates.apply(tx, notices, self.clock.now()) == set()

    def notice(self, event: str | None = None, *, ago: float = 0, **more: Any) -> TemplateNotice:
        named = {"name": ORDER, "language": LANGUAGE} | more
        return TemplateNotice(at=self.clock.now() - timedelta(seconds=ago), event=event, **named)

    def refuse(self, error: Any = ABSENT) -> None:
        with self.store.begin() as tx:
            self.templates.refused(tx, ORDER, LANGUAGE, error, self.clock.now())

    def campaign(self, state: str = "running", key: tuple[str, str] = KEY) -> int:
        values = {"name": "orders", "template": key[0], "language": key[1], "category": "utility", "state": state}
        with self.store.begin() as tx:
            number, _ = campaigns.create(tx, {**values, "phone_number_id": "100", "created_at": self.clock.now()})
            campaigns.add_batch(tx, number, 0, 1)
        return number

    def state(self, campaign: int) -> tuple[str, str | None]:
        row = self.rows(f"select state, held_reason from campaigns where id = {campaign}")[0]
        return row[0], row[1]

    def alerts(self) -> dict[str, str]:
        found = self.rows("select key, level from alerts where ended_at is null order by key")
        return {row[0].removeprefix("template:"): row[1] for row in found}

    def rows(self, query: str) -> list[Any]:
        with self.store.begin() as tx:
            return list(tx.execute(text(query)).fetchall())

    def sent(self, *outcomes: str | None) -> None:
        """Sends of the template, oldest first: None was accepted, a text is the code it failed with."""
        with self.store.begin() as tx:
            person = Sender(phone="+886912345678")
            contact = recognition.resolve(tx, [person], self.clock.now())[person]
            before = tx.execute(text("select count(*) from outgoing")).scalar_one()
            for number, code in enumerate(outcomes, before):
                self.clock.advance(seconds=1)
                now = self.clock.now()
                planned = {"idempotency_key": f"{number}", "lane": "bulk", "source": "api", "category": "utility"}
                content = {"name": ORDER, "language": LANGUAGE, "parameters": []}
                more = {"kind": "template", "content": content, "body": "", "planned_at": now}
                outgoing.plan(tx, [{**planned, **more, "phone_number_id": "100", "contact_id": contact}])
                outcome = {"state": "failed" if code else "accepted", "error_code": code, "reason": code and "refused"}
                outcome |= {"accepted_at": None if code else now, "now": now}
                outgoing.write_outcomes(tx, [{"id": _last(tx), **outcome}], from_states=["planned"])


def _last(tx: Any) -> int:
    return int(tx.execute(text("select max(id) from outgoing")).scalar_one())


@pytest.fixture
def desk(store: Store, clock: FakeClock, jobs: RecordingJobs) -> Desk:
    account = FakeCatalogue(listed())
    return Desk(store, clock, jobs, account, TemplateWatch(store, account, clock, jobs), Templates())


def later(desk: Desk, **more: Any) -> None:
    """Ten minutes pass, and the catalogue is read."""
    desk.clock.advance(minutes=10)
    desk.account.rows = [listed(**more)] if more else desk.account.rows
    desk.watch.pull()


# Reading the catalogue


def test_a_reading_keeps_everything_that_the_platform_says(desk: Desk) -> None:
    rejected = listed("offer", "en_US", "REJECTED", category="MARKETING", quality="UNKNOWN", id="2")
    object.__setattr__(rejected, "rejected_reason", "ABUSIVE_CONTENT")
    object.__setattr__(rejected, "previous_category", "utility")
    desk.account.rows.append(rejected)
    pulled = desk.watch.pull()
    assert (pulled.total, pulled.new, pulled.changed, pulled.gone) == (2, 2, 0, 0)
    row = desk.row(("offer", "en_US"))
    told = (row.template_id, row.status, row.category, row.previous_category, row.quality, row.reason)
    assert told == ("2", "REJECTED", "marketing", "utility", "UNKNOWN", "ABUSIVE_CONTENT")
    assert row.components == [dict(part) for part in rejected.components]
    assert desk.alerts() == {}, "what was never any better and nobody uses troubles nobody"


def test_reading_twice_changes_nothing(desk: Desk) -> None:
    desk.watch.pull()
    before = desk.row()
    pulled = desk.watch.pull()
    assert (pulled.new, pulled.changed, pulled.gone) == (0, 0, 0)
    assert desk.row()._mapping == before._mapping


def test_a_template_that_is_listed_no_more_is_marked_and_may_return(desk: Desk) -> None:
    desk.account.rows.append(listed("offer", id="2"))
    desk.watch.pull()
    gone = desk.account.rows.pop(0)
    desk.clock.advance(minutes=10)
    assert desk.watch.pull().gone == 1
    assert desk.obstacle() == "is no longer in the account's catalogue"
    desk.account.rows.append(gone)
    desk.clock.advance(minutes=10)
    desk.watch.pull()
    assert desk.obstacle() is None


def test_a_reading_that_breaks_off_changes_nothing(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=10)
    desk.account.rows, desk.account.error = [], TryAgain("the second page did not come")
    with pytest.raises(TryAgain):
        desk.watch.pull()
    assert desk.obstacle() is None
    assert desk.row().listed


def test_an_empty_catalogue_where_there_was_one_is_not_believed(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=10)
    rows, desk.account.rows = desk.account.rows, []
    desk.watch.pull()
    assert desk.obstacle() is None
    assert desk.alerts() == {"templates:catalogue": "warning"}
    desk.account.rows = rows
    later(desk)
    assert desk.alerts() == {}


def test_a_reading_that_needs_a_person_is_an_alert_until_one_succeeds(desk: Desk) -> None:
    desk.account.error = FixCredentials("the token has expired", code="190")
    with pytest.raises(FixCredentials):
        desk.watch.pull()
    assert desk.alerts() == {"templates:catalogue": "warning"}
    desk.account.error = None
    desk.watch.pull()
    assert desk.alerts() == {}


def test_a_word_that_is_older_than_a_notice_does_not_undo_it(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=5)
    # The platform's notice came while the pages, which still said APPROVED, were on their way.
    asked = desk.clock.now()
    slow = desk.account.templates
    desk.account.templates = lambda: (desk.tell(desk.notice("PAUSED", quality="RED")), slow())[1]  # type: ignore[method-assign]
    desk.watch.pull()
    assert (desk.row().status, desk.row().quality, desk.row().status_at) == ("PAUSED", "RED", asked)
    desk.account.templates = slow  # type: ignore[method-assign]
    later(desk)
    assert desk.row().status == "APPROVED"


def test_a_template_heard_of_while_the_pages_were_on_their_way_is_not_gone(desk: Desk) -> None:
    fresh = desk.notice("APPROVED", name="fresh")
    slow = desk.account.templates
    desk.account.templates = lambda: (desk.tell(fresh), slow())[1]  # type: ignore[method-assign]
    desk.watch.pull()
    assert desk.obstacle(("fresh", LANGUAGE)) is None


def test_only_one_worker_reads_and_only_when_it_is_due(desk: Desk) -> None:
    assert desk.watch.keep() is not None, "nothing was ever read"
    assert desk.watch.keep() is None
    desk.clock.advance(minutes=14)
    assert desk.watch.keep() is None
    desk.clock.advance(minutes=2)
    assert desk.watch.keep() is not None, "the beat is late"
    with desk.store.begin() as tx:
        template_pulls.want(tx, desk.clock.now() + timedelta(seconds=1))
    assert desk.watch.keep() is None, "the last attempt is a moment ago"
    desk.clock.advance(seconds=31)
    assert desk.watch.keep() is not None, "somebody asked for it"
    assert desk.account.readings == 3


def test_a_reading_that_failed_is_tried_again_after_a_pause(desk: Desk) -> None:
    desk.account.error = TryAgain("away")
    with pytest.raises(TryAgain):
        desk.watch.keep()
    assert desk.watch.keep() is None
    desk.clock.advance(seconds=31)
    desk.account.error = None
    assert desk.watch.keep() is not None


def test_two_thousand_templates_are_one_reading(desk: Desk) -> None:
    desk.account.rows = [listed(f"template_{number}", id=str(number)) for number in range(2000)]
    assert desk.watch.pull().new == 2000
    with desk.store.begin() as tx:
        assert templates.counts(tx) == {"APPROVED": 2000}


# Notices


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("REJECTED", "REJECTED"),
        ("PAUSED", "PAUSED"),
        ("DISABLED", "DISABLED"),
        ("IN_APPEAL", "IN_APPEAL"),
        ("PENDING_DELETION", "PENDING_DELETION"),
        ("DELETED", "DELETED"),
        ("ARCHIVED", "ARCHIVED"),
        ("REINSTATED", "APPROVED"),
        ("FLAGGED", "APPROVED"),
        ("LOCKED", "APPROVED"),
        ("SOMETHING_NEW", "APPROVED"),
    ],
)
def test_a_notice_of_a_state_is_that_state(desk: Desk, event: str, status: str) -> None:
    desk.watch.pull()
    desk.tell(desk.notice(event))
    assert desk.row().status == status


def test_a_notice_makes_an_unknown_template_known_and_asks_for_the_rest(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(seconds=60)
    desk.tell(desk.notice("APPROVED", name="offer", template_id="77", category="MARKETING"))
    row = desk.row(("offer", LANGUAGE))
    assert (row.status, row.template_id, row.category, row.listed) == ("APPROVED", "77", "marketing", True)
    assert desk.watch.keep() is not None


def test_notices_of_quality_and_category_leave_the_state_alone(desk: Desk) -> None:
    desk.watch.pull()
    desk.tell(desk.notice(quality="RED"), desk.notice(category="MARKETING"))
    row = desk.row()
    told = (row.status, row.quality, row.category, row.previous_category)
    assert told == ("APPROVED", "RED", "marketing", "utility")
    assert desk.alerts() == {f"{ORDER}:zh_TW:category": "warning", f"{ORDER}:zh_TW:quality": "warning"}
    desk.tell(desk.notice(quality="GREEN"))
    assert desk.alerts() == {f"{ORDER}:zh_TW:category": "warning"}


def test_notices_in_any_order_and_repeated_end_in_the_latest(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=5)
    paused, approved = desk.notice("PAUSED", ago=20), desk.notice("APPROVED", ago=10)
    for order in ((approved, paused), (paused, approved), (approved, paused, paused)):
        for notice in order:
            desk.tell(notice)
    assert desk.row().status == "APPROVED"


def test_a_notice_from_the_future_does_not_silence_those_that_follow(desk: Desk) -> None:
    desk.watch.pull()
    desk.tell(desk.notice("PAUSED", ago=-10 * 86_400))
    later(desk)
    assert desk.row().status == "APPROVED"


def test_a_notice_without_name_or_language_finds_its_templates(desk: Desk) -> None:
    desk.account.rows.append(listed(language="en_US", id="2"))
    desk.watch.pull()
    desk.tell(desk.notice("PAUSED", name="", language=None, template_id="2"))
    assert (desk.row().status, desk.row((ORDER, "en_US")).status) == ("APPROVED", "PAUSED")
    desk.tell(desk.notice("DISABLED", language=None))
    assert (desk.row().status, desk.row((ORDER, "en_US")).status) == ("DISABLED", "DISABLED")
    desk.tell(desk.notice("DISABLED", name="", language=None, template_id="99"))
    assert len(desk.rows("select 1 from templates")) == 2


@pytest.mark.parametrize(
    "told", [{"event": "FLAGGED"}, {"event": "SOMETHING_NEW"}, {"detail": "correct_category: MARKETING"}]
)
def test_what_the_platform_says_beside_the_state_is_told_to_a_person(desk: Desk, told: dict[str, str]) -> None:
    desk.watch.pull()
    desk.tell(desk.notice(**told))
    assert desk.obstacle() is None
    assert desk.alerts() == {f"{ORDER}:zh_TW:notice": "warning"}
    desk.tell(desk.notice("APPROVED"))
    assert desk.alerts() == {}


def test_changed_components_are_read_again_soon(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(seconds=60)
    desk.tell(desk.notice(components_changed=True))
    assert desk.watch.keep() is not None


# What follows


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("PAUSED", "warning"),
        ("PENDING", "warning"),
        ("IN_APPEAL", "warning"),
        ("REJECTED", "critical"),
        ("DISABLED", "critical"),
        ("DELETED", "critical"),
        ("PENDING_DELETION", "critical"),
        ("LIMIT_EXCEEDED", "critical"),
        ("ARCHIVED", "critical"),
    ],
)
def test_a_template_that_may_not_be_sent_holds_its_campaigns_and_tells_a_person(
    desk: Desk, status: str, level: str
) -> None:
    desk.watch.pull()
    running, paused, other = desk.campaign(), desk.campaign("paused"), desk.campaign(key=(ORDER, "en_US"))
    desk.account.rows.append(listed(language="en_US", id="2"))
    later(desk, status=status)
    desk.account.rows.append(listed(language="en_US", id="2"))
    later(desk)
    state, reason = desk.state(running)
    assert state == "held"
    assert reason is not None
    assert status in reason
    assert desk.state(paused) == ("paused", None), "a person's pause is not ours to change"
    assert desk.state(other) == ("running", None)
    assert desk.alerts() == {f"{ORDER}:zh_TW": level}


def test_what_is_approved_again_goes_on_and_its_bells_are_rung(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    desk.tell(desk.notice("PAUSED", reason="LOW_QUALITY", detail="title: FIRST_PAUSE"))
    assert desk.state(campaign)[1] == (
        "its template order_confirmation in zh_TW is PAUSED (LOW_QUALITY, title: FIRST_PAUSE)"
    )
    later(desk)
    assert desk.state(campaign) == ("running", None)
    assert desk.alerts() == {}
    assert desk.jobs.rung == [("send", desk.rows("select id from batches")[0][0])]


def test_a_notice_of_approval_lets_campaigns_go_on_too(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    desk.clock.advance(minutes=1)
    desk.tell(desk.notice("REJECTED", ago=5))
    assert desk.state(campaign)[0] == "held"
    desk.tell(desk.notice("APPROVED"))
    assert desk.state(campaign) == ("running", None)


def test_a_campaign_that_began_before_anybody_knew_is_held_by_the_first_reading(desk: Desk) -> None:
    unknown = ("never_created", LANGUAGE)
    campaign = desk.campaign(key=unknown)
    assert desk.obstacle(unknown) is None, "nobody has ever read the catalogue"
    desk.watch.pull()
    assert desk.obstacle(unknown) == "is not in the account's catalogue"
    assert desk.state(campaign)[0] == "held"
    assert desk.alerts() == {"never_created:zh_TW": "warning"}
    later(desk, name="never_created")
    assert desk.state(campaign) == ("running", None)


def test_a_trouble_that_lasts_is_one_alert(desk: Desk) -> None:
    desk.watch.pull()
    desk.campaign()
    later(desk, status="PAUSED")
    later(desk)
    later(desk)
    assert desk.rows("select count, ended_at from alerts") == [(1, None)]


def test_what_is_found_unsendable_at_the_last_moment_holds_its_campaigns(desk: Desk) -> None:
    campaign = desk.campaign()
    with desk.store.begin() as tx:
        desk.templates.withhold(tx, {KEY: "is DISABLED"}, desk.clock.now())
    assert desk.state(campaign)[0] == "held"
    assert desk.alerts() == {f"{ORDER}:zh_TW": "warning"}


def test_whether_templates_may_go_is_asked_for_a_whole_set_at_once(desk: Desk) -> None:
    desk.account.rows += [listed("offer", status="REJECTED", category="MARKETING", id="2")]
    with desk.store.begin() as tx:
        before = desk.templates.sendable(tx, [KEY, ("nope", "en")])
    assert [answer.obstacle for answer in before.values()] == [None, None]
    desk.watch.pull()
    with desk.store.begin() as tx:
        found = desk.templates.sendable(tx, [KEY, ("offer", LANGUAGE), ("nope", "en"), (ORDER, "en_US")])
        assert desk.templates.sendable(tx, []) == {}
    assert [(answer.obstacle, answer.category) for answer in found.values()] == [
        (None, "utility"),
        ("is REJECTED", "marketing"),
        ("is not in the account's catalogue", None),
        ("is not in the account's catalogue", None),
    ]


# Refusals


@pytest.mark.parametrize("error", [ABSENT, PauseTemplate("paused", code="132015")])
def test_a_refused_template_waits_until_the_catalogue_was_read_again(desk: Desk, error: Any) -> None:
    desk.watch.keep()
    campaign = desk.campaign()
    desk.clock.advance(seconds=31)
    desk.refuse(error)
    assert desk.state(campaign)[0] == "held"
    assert desk.alerts() == {f"{ORDER}:zh_TW": "critical"}
    assert desk.obstacle() == f"is suspended: {error}"
    assert desk.obstacle((ORDER, "en_US")) == "is not in the account's catalogue", "not because of the other language"
    desk.clock.advance(seconds=1)
    assert desk.watch.keep() is not None, "the catalogue is read at once"
    assert desk.state(campaign) == ("running", None)
    assert desk.alerts() == {}


def test_a_template_that_is_refused_again_waits_for_a_change(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    desk.clock.advance(minutes=1)
    for _ in range(2):
        desk.refuse()
        later(desk)
    assert desk.state(campaign)[0] == "held", "no message was accepted in between"
    later(desk)
    assert desk.state(campaign)[0] == "held"
    later(desk, body="您好 {{1}}，{{2}}。")
    assert desk.state(campaign) == ("running", None)


def test_single_refusals_of_a_template_that_works_hold_it_for_a_moment_only(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    for _ in range(4):
        desk.sent(None)
        desk.refuse()
        later(desk)
        assert desk.state(campaign) == ("running", None)


def test_a_reading_asked_for_before_the_refusal_does_not_end_the_stop(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=10)
    slow = desk.account.templates

    def refused_meanwhile() -> Any:
        desk.clock.advance(seconds=1)
        desk.refuse()
        return slow()

    desk.account.templates = refused_meanwhile  # type: ignore[method-assign]
    desk.watch.pull()
    assert desk.obstacle() is not None


def test_the_platforms_own_word_ends_our_stop(desk: Desk) -> None:
    desk.watch.pull()
    desk.clock.advance(minutes=1)
    desk.refuse()
    desk.tell(desk.notice("APPROVED", ago=30))
    assert desk.obstacle() is not None, "an older word"
    desk.clock.advance(seconds=5)
    desk.tell(desk.notice("APPROVED"))
    assert desk.obstacle() is None


def test_a_template_unknown_to_us_can_be_refused(desk: Desk) -> None:
    desk.refuse()
    assert desk.obstacle() == f"is suspended: {ABSENT}"
    later(desk)
    assert desk.obstacle() is None


# A template that fails for everyone


def test_twenty_failures_in_a_row_stop_a_template_once(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    desk.sent(None, *["132012"] * 19)
    assert desk.watch.judge() == []
    desk.sent("131008")
    assert desk.watch.judge() == [KEY]
    assert desk.watch.judge() == []
    assert desk.state(campaign)[0] == "held"
    assert desk.alerts() == {f"{ORDER}:zh_TW": "critical"}
    later(desk)
    assert desk.state(campaign)[0] == "held", "the platform calls it approved, but nothing has changed"


def test_a_person_can_have_it_tried_again(desk: Desk) -> None:
    desk.watch.pull()
    campaign = desk.campaign()
    desk.sent(*["132012"] * 20)
    desk.watch.judge()
    with desk.store.begin() as tx:
        assert desk.templates.resume(tx, ORDER, LANGUAGE, desk.clock.now()) is None
    assert desk.state(campaign) == ("running", None)
    assert desk.watch.judge() == [], "those failures have been answered"
    desk.sent(*["132012"] * 20)
    assert desk.watch.judge() == [KEY]


@pytest.mark.parametrize(
    "outcomes",
    [
        ["131026"] * 25,
        ["132012"] * 10 + [None] + ["132012"] * 10,
        ["132012"] * 19 + ["131049"],
    ],
)
def test_failures_of_the_people_are_not_the_templates(desk: Desk, outcomes: list[str | None]) -> None:
    desk.watch.pull()
    desk.sent(*outcomes)
    assert desk.watch.judge() == []


def test_a_sweep_looks_for_failing_templates_too(desk: Desk) -> None:
    desk.watch.keep()
    desk.sent(*["132000"] * 20)
    desk.clock.advance(seconds=31)
    desk.watch.keep()
    assert desk.obstacle() is not None
