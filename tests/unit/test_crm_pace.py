"""The pace of calls to CRMs: what is waited for, what is told to all, and what the vendors' headers say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from syncer.crm.exchange import kind_of
from syncer.crm.hubspot.pace import SEARCH, HubSpotPace
from syncer.crm.pace import BULK_REST, Pace
from syncer.crm.salesforce.pace import SalesforcePace
from syncer.crm.zoho.pace import ZohoPace
from syncer.domain.errors import DeliveryError, OverQuota, TryAgain, TryLater
from syncer.policies import breaker
from syncer.throttle.quota_memory import Budget, MemoryQuota
from tests.fakes.clock import FakeClock

BUDGETS = {
    "hubspot": Budget(100, 10.0),
    "hubspot.search": Budget(5, 1.0),
    "salesforce": Budget(at_once=5),
    "zoho": Budget(at_once=5),
}
Make = Callable[..., Pace]


@pytest.fixture
def quota(clock: FakeClock) -> MemoryQuota:
    return MemoryQuota(BUDGETS, clock)


@pytest.fixture
def pace(quota: MemoryQuota, clock: FakeClock) -> HubSpotPace:
    """Of a process whose sleep is the clock's."""
    return HubSpotPace(quota, sleep=lambda seconds: clock.advance(seconds=seconds))


def use(pace: Pace, room: str = "", *, bulk: bool = False) -> None:
    with pace.turn(room, bulk=bulk):
        pass


def test_twenty_searches_take_six_seconds(pace: HubSpotPace, clock: FakeClock) -> None:
    start = clock.at
    for _ in range(20):
        use(pace, SEARCH)
    assert (clock.at - start).total_seconds() == pytest.approx(18 * 0.325, abs=0.05)


def test_nobody_waits_longer_than_a_second(pace: HubSpotPace, quota: MemoryQuota, clock: FakeClock) -> None:
    quota.slow_down("hubspot", 0.8)
    start = clock.at
    use(pace)
    assert (clock.at - start).total_seconds() == pytest.approx(0.8, abs=0.01)
    quota.slow_down("hubspot", 12)
    start = clock.at
    with pytest.raises(OverQuota) as full:
        use(pace)
    assert clock.at == start
    assert full.value.wait_seconds == pytest.approx(12, abs=0.01)
    use(pace, SEARCH)


def test_bulk_that_finds_no_room_rests_a_while_and_live_work_goes_on(
    pace: HubSpotPace, quota: MemoryQuota, clock: FakeClock
) -> None:
    for _ in range(20):
        quota.take("hubspot")
    start = clock.at
    with pytest.raises(OverQuota, match="kept for live") as full:
        use(pace, bulk=True)
    assert full.value.wait_seconds >= BULK_REST
    assert (clock.at - start).total_seconds() <= 1.0
    use(pace)
    clock.advance(seconds=5)
    use(pace, bulk=True)


def test_our_own_quota_says_nothing_of_the_crm() -> None:
    assert not breaker.counts(OverQuota("full", wait_seconds=3))
    assert breaker.counts(TryLater("full", wait_seconds=3))


def test_a_place_is_given_back_whatever_happens(quota: MemoryQuota) -> None:
    pace = ZohoPace(quota, sleep=lambda seconds: pytest.fail("there was room"))
    for _ in range(20):
        with pytest.raises(TryAgain), pace.turn():
            raise TryAgain("cut off")


def test_places_that_are_all_taken_are_looked_at_again_for_a_second(quota: MemoryQuota, clock: FakeClock) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            quota.leave("zoho", "0")

    for place in range(5):
        assert quota.take("zoho", place=str(place)).taken
    use(ZohoPace(quota, sleep=sleep))
    assert len(slept) == 4
    quota.take("zoho", place="0")
    with pytest.raises(OverQuota):
        use(ZohoPace(quota, sleep=slept.append))
    assert sum(slept[4:]) <= 1.0


def test_a_refusal_is_everybodys(pace: HubSpotPace, quota: MemoryQuota) -> None:
    pace.refused(TryLater("too many searches", wait_seconds=1.0), SEARCH)
    assert not quota.take("hubspot.search").taken
    assert quota.take("hubspot").taken
    pace.refused(TryAgain("not a limit"))
    assert quota.take("hubspot").taken


def ten_seconds(left: str, most: str = "100") -> dict[str, str]:
    return {"X-HubSpot-RateLimit-Remaining": left, "X-HubSpot-RateLimit-Max": most}


def day(left: str) -> dict[str, str]:
    return {"X-HubSpot-RateLimit-Daily-Remaining": left, "X-HubSpot-RateLimit-Daily": "250000"}


@pytest.mark.parametrize(
    ("make", "headers", "rests"),
    [
        (HubSpotPace, {}, 0),
        (HubSpotPace, ten_seconds("21"), 0),
        (HubSpotPace, ten_seconds("20"), 1),
        (HubSpotPace, ten_seconds("many"), 0),
        (HubSpotPace, ten_seconds("90") | day("50001"), 0),
        (HubSpotPace, ten_seconds("90") | day("50000"), 900),
        (SalesforcePace, {"Sforce-Limit-Info": "api-usage=79999/100000; per-app-api-usage=17/250(appName=x)"}, 0),
        (SalesforcePace, {"Sforce-Limit-Info": "api-usage=80000/100000"}, 900),
        (SalesforcePace, {"Sforce-Limit-Info": "per-app-api-usage=249/250(appName=x)"}, 0),
        (SalesforcePace, {"Sforce-Limit-Info": "nonsense"}, 0),
        (ZohoPace, {"X-API-CREDITS-REMAINING": "500"}, 0),
        (ZohoPace, {"X-API-CREDITS-REMAINING": "0"}, 900),
        (ZohoPace, {"X-API-CREDITS-REMAINING": "few"}, 0),
    ],
)
def test_reading_in_bulk_leaves_the_last_fifth_to_live_work_in_every_process(
    quota: MemoryQuota, clock: FakeClock, make: Make, headers: Mapping[str, str], rests: float
) -> None:
    def is_resting() -> bool:
        try:
            use(other, bulk=True)
        except OverQuota:
            return True
        return False

    sleep = lambda seconds: clock.advance(seconds=seconds)  # noqa: E731
    one, other = make(quota, sleep=sleep), make(quota, sleep=sleep)
    one.note(headers)
    use(other)
    clock.advance(seconds=max(rests - 1.1, 0))
    assert is_resting() is (rests > 1.1)
    clock.advance(seconds=2)
    assert not is_resting()


def test_zohos_credits_are_measured_by_the_half_that_was_told_first(quota: MemoryQuota) -> None:
    now = [0.0]
    pace = ZohoPace(quota, clock=lambda: now[0])
    pace.note({"X-API-CREDITS-REMAINING": "500"})
    pace.note({"X-API-CREDITS-REMAINING": "201"})
    use(pace, bulk=True)
    pace.note({"X-API-CREDITS-REMAINING": "150"})
    with pytest.raises(OverQuota):
        use(pace, bulk=True)
    assert not pace.is_spent
    pace.note({"X-API-CREDITS-REMAINING": "0"})
    assert pace.is_spent
    now[0] += 3601
    assert not pace.is_spent, "what was told an hour ago counts for nothing"


def test_without_a_quota_nothing_is_counted() -> None:
    pace = HubSpotPace(sleep=lambda seconds: pytest.fail("nothing to wait for"))
    for _ in range(1000):
        use(pace, SEARCH, bulk=True)
    pace.refused(TryLater("full", wait_seconds=60))
    use(pace)


@pytest.mark.parametrize(
    ("method", "url", "kind"),
    [
        ("GET", "https://api.hubapi.com/crm/objects/2026-09/contacts?limit=100", "read"),
        ("POST", "https://api.hubapi.com/crm/objects/2026-09/contacts/search", "search"),
        ("POST", "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/read", "read"),
        ("POST", "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/upsert", "write"),
        ("GET", "https://x.my.salesforce.com/services/data/v67.0/query?q=SELECT", "search"),
        ("PATCH", "https://x.my.salesforce.com/services/data/v67.0/composite/sobjects", "write"),
        ("POST", "https://x.my.salesforce.com/services/oauth2/token", "token"),
        ("POST", "https://accounts.zoho.com/oauth/v2/token", "token"),
        ("POST", "https://www.zohoapis.com/crm/v8/coql", "search"),
        ("POST", "https://www.zohoapis.com/crm/v8/Contacts/upsert", "write"),
    ],
)
def test_each_exchange_is_of_one_of_four_kinds(method: str, url: str, kind: str) -> None:
    assert kind_of(method, url) == kind


def test_an_error_of_the_quota_is_a_delivery_error() -> None:
    assert issubclass(OverQuota, DeliveryError)


@pytest.mark.parametrize(("most", "asked"), [("190", 190), ("40", 40), ("0", 100), ("many", 100)])
def test_what_the_account_says_it_allows_is_what_is_asked_of_it(
    quota: MemoryQuota, pace: HubSpotPace, clock: FakeClock, most: str, asked: int
) -> None:
    headers = {"X-HubSpot-RateLimit-Max": most, "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    pace.note(headers | {"X-HubSpot-RateLimit-Remaining": "30"})
    clock.advance(seconds=60)
    burst, rest = 0, 0.0
    while quota.take("hubspot").taken:
        burst += 1
    while rest < 10:
        turn = quota.take("hubspot", patience=1.0)
        rest += turn.wait_seconds
        clock.advance(seconds=turn.wait_seconds)
        burst += turn.taken
    assert 0.9 * asked <= burst <= asked + 1
