"""The bad days of a CRM, one table for all vendors: what is spoiled, what is tried, and what is told of it.

Nothing of it may be taken for "deleted" or "done", nobody may be held back by somebody else's record, and what can be
written is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from syncer.crm.salesforce.tokens import client_credentials
from syncer.domain.crm_record import CrmContact, CrmTask, TakenReply, WriteResult
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from syncer.ports import CRM
from syncer.simulators.hubspot.config import SCOPES as HUBSPOT_SCOPES
from syncer.simulators.zoho.config import SCOPES as ZOHO_SCOPES
from tests.contract import hubspot_rooms, salesforce_rooms, zoho_rooms
from tests.integration.crm_vendors import HUBSPOT, NOON, SALESFORCE, VENDORS, ZOHO, Vendor, message

LONG_AGO = NOON - timedelta(days=3_650)
Act = Callable[[CRM, Vendor], Any]
#: Every act writes something new: what is there already would not be written.
_NEW = count(1)
ACTS: dict[str, Act] = {
    "reading": lambda crm, vendor: list(crm.pages(None, page_size=50)),
    "changes": lambda crm, vendor: list(crm.pages(None, page_size=50, changed_since=LONG_AGO)),
    "looking up": lambda crm, vendor: crm.look_up([vendor.contact(0)]),
    "writing contacts": lambda crm, vendor: crm.write_contacts([person("c", vendor.contact(0))]),
    "writing messages": lambda crm, vendor: crm.write_messages([message(f"in-{next(_NEW)}", vendor.contact(0))]),
    "writing tasks": lambda crm, vendor: crm.write_tasks([task(f"h-{next(_NEW)}", vendor.contact(0))]),
    "asking for replies": lambda crm, vendor: crm.replies(),
    "taking replies": lambda crm, vendor: crm.take_replies([TakenReply(vendor.contact(0), "out-1")]),
}


def person(ref: str, crm_id: str) -> CrmContact:
    return CrmContact(ref, crm_id, {"city": f"第 {next(_NEW)} 城"})


def task(ref: str, crm_id: str) -> CrmTask:
    return CrmTask(ref, crm_id, "WhatsApp: complaint", "我要客訴", "high", NOON)


@dataclass(frozen=True)
class Spoiled:
    """A row of the first table: `spoil` plays the vendor's side, `with_` the settings on ours; then every act raises
    `error`, with `word` in it. No error: the adapter gets over it by itself."""

    what: str
    vendor: Vendor
    error: type[DeliveryError] | None
    word: str = ""
    spoil: Callable[[Any], Any] = lambda site: None
    with_: dict[str, Any] = field(default_factory=dict)
    acts: tuple[str, ...] = tuple(ACTS)
    path: str = ""

    def __str__(self) -> str:
        return f"{self.vendor.name}: {self.what}"


def tokens(**told: Any) -> Callable[[Any], Any]:
    return lambda site: site.told("POST", "tokens", **told)


def answers(kind: str, **how: Any) -> Callable[[Any], Any]:
    return lambda site: site.fault("*", kind, **how)


ACTS_WITH_BODY = ("reading", "changes", "looking up", "writing contacts")
CLIENT = salesforce_rooms.CONFIG.client_id
WHOLE = [
    Spoiled("a token that has expired", HUBSPOT, FixCredentials, "EXPIRED_", tokens(expire=hubspot_rooms.TOKEN)),
    Spoiled("a token that has expired", SALESFORCE, None, spoil=tokens(end=True)),
    Spoiled("a token that has expired", ZOHO, None, spoil=tokens(expire=True)),
    Spoiled("a token that was revoked", HUBSPOT, FixCredentials, "INVALID_AUTHENTICATION", with_={"token": "revoked"}),
    Spoiled("a token that was revoked", SALESFORCE, FixCredentials, "invalid_grant", tokens(end=True, allowed=False)),
    Spoiled(
        "a token that was revoked", ZOHO, FixCredentials, "revoked", tokens(revoke=zoho_rooms.CONFIG.refresh_token)
    ),
    Spoiled(
        "a wrong secret",
        SALESFORCE,
        FixCredentials,
        "invalid_client",
        with_={"grant": client_credentials(CLIENT, "wrong")},
    ),
    Spoiled("a wrong secret", ZOHO, FixCredentials, "invalid_client_secret", with_={"client_secret": "wrong"}),
    Spoiled("a wrong address", HUBSPOT, FixCredentials, "404", path="/elsewhere"),
    Spoiled("a wrong address", SALESFORCE, FixCredentials, "SALESFORCE_LOGIN_URL", path="/elsewhere"),
    Spoiled("another data centre", ZOHO, FixCredentials, "data centre", with_={"client_id": "1000.OTHER"}),
    Spoiled(
        "a token of another data centre",
        ZOHO,
        FixCredentials,
        "a new token is refused too",
        lambda site: [
            site.fault(route, "refuse", code=1, status=401, answer={"code": "INVALID_TOKEN"})
            for route in ("Contacts", "WA_Messages", "Cases", "coql")
        ],
    ),
    Spoiled("no scope to read", HUBSPOT, FixCredentials, "MISSING_SCOPES", tokens(scopes=[])),
    Spoiled("no scope at all", SALESFORCE, FixCredentials, "'api'", tokens(end=True, scope="openid")),
    Spoiled("no scope to read", ZOHO, FixCredentials, "OAUTH_SCOPE_MISMATCH", tokens(scopes=[])),
    Spoiled(
        "no scope to write",
        HUBSPOT,
        FixCredentials,
        "MISSING_SCOPES",
        tokens(scopes=sorted(HUBSPOT_SCOPES - {"crm.objects.contacts.write"})),
        acts=("writing contacts", "writing messages"),
    ),
    Spoiled(
        "no scope to query",
        ZOHO,
        FixCredentials,
        "OAUTH_SCOPE_MISMATCH",
        tokens(scopes=sorted(ZOHO_SCOPES - {"ZohoCRM.coql.READ"})),
        acts=("writing tasks", "asking for replies"),
    ),
    *(Spoiled("a web page", vendor, TryLater, "web page", answers("wrong_json", body="html")) for vendor in VENDORS),
    *(
        # Where there is nothing, Zoho answers without a body: half of that is whole.
        Spoiled("half an answer", vendor, TryAgain, "", answers("half_answer"), acts=ACTS_WITH_BODY)
        for vendor in VENDORS
    ),
    *(Spoiled("cut-off JSON", vendor, TryAgain, "", answers("wrong_json", body="truncated")) for vendor in VENDORS),
    *(Spoiled("no body", vendor, TryAgain, "", answers("wrong_json", body="empty")) for vendor in VENDORS),
    *(Spoiled("out of order", vendor, TryAgain, "", answers("server_error", status=502)) for vendor in VENDORS),
    *(Spoiled("a limit", vendor, TryLater, "", answers("rate_limit")) for vendor in VENDORS),
]


@pytest.fixture
def begun() -> Iterator[Callable[..., tuple[Any, Any]]]:
    running: list[Any] = []

    def begin(vendor: Vendor, path: str = "", **how: Any) -> tuple[Any, Any]:
        site = vendor.begin(contacts=120)
        crm = vendor.adapter(f"{site.url}{path}", vendor.mapping, **how)
        running.extend((crm, site))
        return site, crm

    yield begin
    for one in running:
        one.close()


@pytest.mark.parametrize("row", WHOLE, ids=str)
def test_a_bad_day_is_told_by_what_to_do_next(row: Spoiled, begun: Callable[..., tuple[Any, Any]]) -> None:
    site, crm = begun(row.vendor, row.path, **row.with_)
    if not row.with_ and not row.path:
        # What was asked for once is remembered: the day begins well.
        for act in ACTS.values():
            act(crm, row.vendor)
    row.spoil(site)
    for name in row.acts:
        if row.error is None:
            ACTS[name](crm, row.vendor)
        else:
            with pytest.raises(row.error) as told:
                ACTS[name](crm, row.vendor)
            assert type(told.value) is row.error, name
            assert row.word in str(told.value), name


@pytest.mark.parametrize("vendor", [SALESFORCE, ZOHO], ids=lambda vendor: vendor.name)
def test_a_web_page_in_the_place_of_a_token_is_waited_for(vendor: Vendor, begun: Callable[..., Any]) -> None:
    site, crm = begun(vendor)
    site.fault("token", "wrong_json", body="html")
    with pytest.raises(TryLater, match="web page"):
        crm.look_up([vendor.contact(0)])
    site.heal()
    assert crm.look_up([vendor.contact(0)])[0].row is not None


# --- single records


@dataclass(frozen=True)
class Refused:
    """A row of the second table: with `spoil`, of a hundred contacts some get `bad` and are refused with `code`; the
    others get `good`."""

    what: str
    vendor: Vendor
    error: type[DeliveryError]
    code: str
    spoil: Callable[[Any, list[str]], Any] = lambda site, ids: None
    bad: dict[str, Any] = field(default_factory=lambda: {"city": "臺中港"})
    good: dict[str, Any] = field(default_factory=lambda: {"city": "臺中港"})

    def __str__(self) -> str:
        return f"{self.vendor.name}: {self.what}"


STAGE = {"lifecycle_stage": "no such stage", "city": "臺中港"}
NOBODY = {"job_title": None, "city": "臺中港"}
TAKEN = {"email": "a@example.com", "city": "臺中港"}


def needed(vendor: Vendor, kind: str, name: str) -> Callable[[Any, list[str]], Any]:
    """Everybody has it, and from now on nobody may be without."""

    def spoil(site: Any, ids: list[str]) -> None:
        for number in range(100):
            vendor.change(site, number, {name: "x"})
        site.told("POST", f"rules/{kind}", **{"needed" if vendor is SALESFORCE else "required": [name]})

    return spoil


def unique(kind: str, line: str) -> Callable[[Any, list[str]], Any]:
    """Somebody has the address, and only one may."""

    def spoil(site: Any, ids: list[str]) -> None:
        site.told("POST", f"fields/{kind}", field=line)
        key = "fields" if kind == "Contact" else "values"
        path = "objects/Contact" if kind == "Contact" else "records/Contacts"
        name = "LastName" if kind == "Contact" else "Last_Name"
        site.told("POST", path, **{key: {name: "陳", "Email": "a@example.com"}})

    return spoil


RECORDS = [
    Refused("an option that there is not", HUBSPOT, Never, "INVALID_OPTION", bad=STAGE),
    Refused("an option that there is not", SALESFORCE, Never, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", bad=STAGE),
    Refused("an option that there is not", ZOHO, Never, "INVALID_DATA", bad=STAGE),
    Refused(
        "a field that must be filled",
        HUBSPOT,
        Never,
        "MISSING_REQUIRED_PROPERTY",
        needed(HUBSPOT, "contacts", "jobtitle"),
        bad=NOBODY,
    ),
    Refused(
        "a field that must be filled",
        SALESFORCE,
        Never,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        needed(SALESFORCE, "Contact", "Title"),
        bad=NOBODY,
    ),
    Refused(
        "a field that must be filled",
        ZOHO,
        Never,
        "MANDATORY_NOT_FOUND",
        needed(ZOHO, "Contacts", "Title"),
        bad=NOBODY,
    ),
    Refused(
        "a record that somebody works on",
        SALESFORCE,
        TryAgain,
        "UNABLE_TO_LOCK_ROW",
        lambda site, ids: site.told("POST", "locks/Contact", ids=ids, times=50),
    ),
    Refused(
        "a record that somebody works on",
        ZOHO,
        TryLater,
        "RECORD_LOCKED",
        lambda site, ids: site.told("POST", "lock/Contacts", ids=ids),
    ),
    Refused(
        "a value that only one may have",
        SALESFORCE,
        Never,
        "DUPLICATE_VALUE",
        unique("Contact", "!Email:email"),
        bad=TAKEN,
    ),
    Refused(
        "a value that only one may have", ZOHO, Never, "DUPLICATE_DATA", unique("Contacts", "!Email:email"), bad=TAKEN
    ),
    Refused(
        "a record that is gone",
        HUBSPOT,
        Never,
        "OBJECT_NOT_FOUND",
        lambda site, ids: [site.told("DELETE", f"objects/contacts/{one}") for one in ids],
    ),
    Refused(
        "a record that is gone",
        SALESFORCE,
        Never,
        "ENTITY_IS_DELETED",
        lambda site, ids: [site.told("DELETE", f"objects/Contact/{one}") for one in ids],
    ),
    Refused(
        "a record that is gone",
        ZOHO,
        Never,
        "INVALID_DATA",
        lambda site, ids: [site.told("DELETE", f"records/Contacts/{one}") for one in ids],
    ),
]


@pytest.mark.parametrize("row", RECORDS, ids=str)
def test_thirty_seven_of_a_hundred_fail_and_the_others_are_written(row: Refused, begun: Callable[..., Any]) -> None:
    site, crm = begun(row.vendor)
    ids = [row.vendor.contact(number) for number in range(100)]
    crm.look_up(ids[:1])
    refused = ids[::2][:37]
    row.spoil(site, refused)
    people = [CrmContact(f"c-{one}", one, row.bad if one in refused else row.good) for one in ids]
    results = crm.write_contacts(people)
    assert [result.ref for result in results] == [person.ref for person in people]
    failed = {result.ref: result.error for result in results if result.error is not None}
    assert set(failed) == {f"c-{one}" for one in refused}
    assert {(type(error), getattr(error, "code", "")) for error in failed.values()} == {(row.error, row.code)}
    assert [city_of(row.vendor, site, one) for one in (ids[1], ids[-1])] == ["臺中港"] * 2


def city_of(vendor: Vendor, site: Any, crm_id: str) -> Any:
    told = site.told("GET", f"{vendor.records}/{crm_id}")
    return (told if vendor is ZOHO else told[vendor.key]).get(vendor.city)


#: What a company may want of every message: the vendor's rule, and the code where it is missing.
MESSAGE_RULES = {
    "hubspot": ("rules/communications", {"required": ["wa_reply_to"]}, "MISSING_REQUIRED_PROPERTY"),
    "salesforce": ("rules/Task", {"needed": ["WA_Reply_To__c"]}, "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
    "zoho": ("rules/WA_Messages", {"required": ["WA_Reply_To"]}, "MANDATORY_NOT_FOUND"),
}


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_thirty_seven_of_a_hundred_messages_fail_and_the_others_are_recorded(
    vendor: Vendor, begun: Callable[..., Any]
) -> None:
    site, crm = begun(vendor)
    crm.write_messages([message("in-0", vendor.contact(0))])
    path, rule, code = MESSAGE_RULES[vendor.name]
    site.told("POST", path, **rule)
    batch = [
        message(f"in-{number}", vendor.contact(number), reply_to=None if number <= 37 else "wamid.0")
        for number in range(1, 101)
    ]
    results = crm.write_messages(batch)
    failed = [result for result in results if result.error is not None]
    assert [result.ref for result in failed] == [f"in-{number}" for number in range(1, 38)]
    assert {(type(one.error), getattr(one.error, "code", "")) for one in failed} == {(Never, code)}
    assert sorted(vendor.refs(site)) == sorted(["in-0", *(f"in-{number}" for number in range(38, 101))])


def merged(vendor: Vendor, site: Any, kept: str, other: str) -> None:
    told = {"hubspot": {"primary": kept}, "salesforce": {"master": kept}, "zoho": {"into": kept}}[vendor.name]
    site.told("POST", "merge", **told, other=other)


def fate(result: WriteResult) -> tuple[bool, str | None, bool]:
    return result.error is None, result.into, result.gone


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_record_merged_between_our_look_and_our_write_is_told_with_what_the_vendor_remembers(
    vendor: Vendor, begun: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, crm = begun(vendor)
    kept, other = vendor.contact(0), vendor.contact(1)
    crm.look_up([kept])
    request, done = crm._http.request, []

    def meanwhile(method: str, url: str, **how: Any) -> Any:
        if not done and (method in ("PATCH", "PUT") or url.endswith("batch/update")):
            done.append(url)
            merged(vendor, site, kept, other)
        return request(method, url, **how)

    monkeypatch.setattr(crm._http, "request", meanwhile)
    results = crm.write_contacts([CrmContact(one, one, {"city": "臺中港"}) for one in (kept, other)])
    assert done
    # HubSpot's old id goes on to mean the record that stays; Salesforce names that; Zoho says that the old one is gone.
    expected = {"hubspot": (True, None, False), "salesforce": (False, kept, False), "zoho": (False, None, True)}
    assert [fate(result) for result in results] == [(True, None, False), expected[vendor.name]]
    assert city_of(vendor, site, kept) == "臺中港"


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_stranger_without_what_every_contact_must_have_is_told_and_no_message_suffers(
    vendor: Vendor, begun: Callable[..., Any]
) -> None:
    site, crm = begun(vendor)
    crm.look_up([vendor.contact(0)])
    crm.write_messages([message("in-0", vendor.contact(0))])
    path, told, code = {
        "hubspot": ("rules/contacts", {"required": ["jobtitle"]}, "MISSING_REQUIRED_PROPERTY"),
        "salesforce": ("fields/Contact", {"field": "*Region__c:string(20)"}, "REQUIRED_FIELD_MISSING"),
        "zoho": ("rules/Contacts", {"required": ["Title"]}, "MANDATORY_NOT_FOUND"),
    }[vendor.name]
    site.told("POST", path, **told)
    [result] = crm.write_contacts([CrmContact("contact-1", None, {"phone": "+85291234567", "full_name": "陳大文"})])
    assert (type(result.error), getattr(result.error, "code", ""), result.crm_id) == (Never, code, None)
    assert crm.write_messages([message("in-1", vendor.contact(0))])[0].error is None
