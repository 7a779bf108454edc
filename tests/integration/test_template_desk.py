"""The account's templates made those of the file, over the real client against the simulated platform; and what the
customer sees is what the preview shows (R13, R36)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from config.files import load_templates
from config.settings import PACKAGED_FILES
from syncer import catalogue
from syncer.domain.errors import OutcomeUnknown, TryLater
from syncer.domain.message import SendRequest
from syncer.domain.template import HeaderMedium, Template, TemplateContent
from syncer.domain.template_preview import preview
from syncer.flows.template_book import account_templates
from syncer.flows.template_desk import TemplateDesk
from syncer.flows.template_watch import TemplateWatch
from syncer.http import HttpClient
from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import AccountRules, Behaviour, Limits, SimulatorConfig, StatusPace
from syncer.simulators.whatsapp.templates import Template as SimulatedTemplate
from syncer.store import templates
from syncer.store.session import Store
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.payloads import message as payload_of
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.whatsapp_bench import until

COMPANY = "福爾摩沙茶行"
FILE = load_templates(PACKAGED_FILES)
STARTERS = catalogue.templates(FILE, COMPANY)
KEYS = [(name, language) for name, language in STARTERS]
DOCUMENT = HeaderMedium("document", link="https://files.test/invoice.pdf", filename="invoice.pdf")


def payloads(*names: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        key: FILE.graph_payload(*key, COMPANY, header_handle="4::sample")
        for key in KEYS
        if not names or key[0] in names
    }


@pytest.fixture
def simulator() -> Iterator[RunningServer]:
    quiet = Behaviour(
        statuses=StatusPace(sent=(0, 0), delivered=(0, 0), read_share=0),
        limits=Limits(throughput=0, pair_interval=0, messaging_limit=0),
        account=AccountRules(edit_gap=0),
    )
    config = SimulatorConfig(templates=(), template_review_seconds=0, behaviour=quiet)
    with start(config) as running:
        yield running


@pytest.fixture
def platform(simulator: RunningServer) -> Iterator[WhatsAppMessenger]:
    http = HttpClient(deadline=3.5, connect=1.0)
    config = SimulatorConfig()
    yield WhatsAppMessenger(
        http,
        base_url=simulator.url,
        version="v25.0",
        access_token=lambda: config.access_token,
        business_account_id=config.waba_id,
    )
    http.close()


@pytest.fixture
def desk(store: Store, clock: FakeClock, jobs: RecordingJobs, platform: WhatsAppMessenger) -> TemplateDesk:
    return TemplateDesk(TemplateWatch(store, platform, clock, jobs), STARTERS)


def account(desk: TemplateDesk) -> dict[tuple[str, str], Any]:
    """The catalogue, read again."""
    desk.watch.clock.advance(minutes=10)  # type: ignore[attr-defined]
    desk.watch.pull()
    with desk.watch.store.begin() as tx:
        return templates.everything(tx)


def approved(desk: TemplateDesk) -> Callable[[], bool]:
    return lambda: {row.status for row in account(desk).values()} == {"APPROVED"}


def filled(name: str, language: str, template: Template) -> TemplateContent:
    medium = DOCUMENT if template.header_format == "DOCUMENT" else None
    filling = catalogue.filled(FILE.get(name), catalogue.examples(FILE, name, language), medium)
    return template.fill(filling.parameters, header=filling.header, buttons=filling.buttons)


def test_every_starter_template_is_created_approved_read_back_and_shown_as_the_preview_says(
    desk: TemplateDesk, platform: WhatsAppMessenger, simulator: RunningServer
) -> None:
    steps = desk.missing(payloads())
    assert len(steps) == len(KEYS) == 102
    assert {one.error for one in desk.take(steps)} == {None}
    until(approved(desk))
    assert desk.missing(payloads()) == []
    assert desk.differing(payloads()) == []
    theirs = account_templates(account(desk), STARTERS)
    assert set(theirs) == set(KEYS)
    contents = {key: filled(*key, theirs[key]) for key in KEYS}
    number = SimulatorConfig().phone_number_ids[0]
    for place, key in enumerate(KEYS):
        platform.send(SendRequest(number, f"+8869{place:08d}", "/".join(key), contents[key]))
    sent = requests.get(f"{simulator.url}/_sim/log/sends", timeout=5).json()
    assert sent["refused"] == []
    read = {row["biz_opaque_callback_data"]: row["text"] for row in sent["accepted"]}
    assert read == {"/".join(key): preview(theirs[key], contents[key]).text for key in KEYS}


@pytest.mark.parametrize("key", KEYS, ids="-".join)
def test_header_body_footer_and_buttons_are_shown_as_the_platform_fills_them(key: tuple[str, str]) -> None:
    listed = FILE.listed_payload(*key, COMPANY)
    content = filled(*key, STARTERS[key])
    asked = payload_of(SendRequest("1", "+886912345678", "x", content))["template"]["components"]
    seen, theirs = preview(STARTERS[key], content), SimulatedTemplate(**{"id": "1", **listed}).fill(asked)
    assert (seen.header, seen.body, seen.footer) == (theirs.header, theirs.body, theirs.footer)
    values = [next(iter(set(button) - {"type", "text"}), None) for button in theirs.buttons]
    pairs = zip(theirs.buttons, values, strict=True)
    shown = [(one["type"], one["text"], one[name] if name else "") for one, name in pairs]
    assert [(button.kind, button.text, button.value) for button in seen.buttons] == shown


def test_the_accounts_own_words_of_a_starter_are_the_files_words(desk: TemplateDesk) -> None:
    desk.take(desk.missing(payloads("parcel_tracking", "service_visit", "promotion_offer")))
    theirs = account_templates(account(desk), STARTERS)
    for key, template in theirs.items():
        assert template == STARTERS[key]


def test_without_its_sample_a_template_with_a_medium_is_not_submitted(desk: TemplateDesk) -> None:
    bare = {key: FILE.graph_payload(*key, COMPANY) for key in KEYS if key[0] == "invoice_document"}
    taken = desk.take(desk.missing(bare))
    assert [(one.skipped, one.step.obstacle) for one in taken] == [
        (True, "needs a sample of its medium: --header-handle")
    ] * 3
    assert account(desk) == {}


def test_a_changed_text_is_edited_and_reviewed_again(desk: TemplateDesk) -> None:
    desk.take(desk.missing(payloads("order_confirmation")))
    until(approved(desk))
    other = replace(STARTERS["order_confirmation", "en_US"], body="Hello {{1}}, order {{2}} for {{3}} is here.")
    changed = TemplateDesk(desk.watch, STARTERS | {("order_confirmation", "en_US"): other})
    wanted = payloads("order_confirmation")
    wanted["order_confirmation", "en_US"]["components"][0]["text"] = other.body
    (step,) = changed.differing(wanted)
    assert (step.action, step.language, step.detail, step.obstacle) == ("edit", "en_US", "other body", None)
    assert [one.error for one in changed.take([step])] == [None]
    row = account(desk)["order_confirmation", "en_US"]
    assert row.components[0]["text"] == other.body
    assert changed.differing(wanted) == []


def test_one_language_or_all_are_deleted(desk: TemplateDesk) -> None:
    desk.take(desk.missing(payloads("order_confirmation")))
    until(approved(desk))
    desk.take(desk.deletion("order_confirmation", "en_US"))
    assert {key[1]: row.status for key, row in account(desk).items()} == {
        "en_US": "PENDING_DELETION",
        "zh_TW": "APPROVED",
        "zh_CN": "APPROVED",
    }
    assert [step.language for step in desk.deletion("order_confirmation", None)] == ["en_US", "zh_CN", "zh_TW"]
    assert desk.deletion("nothing", None) == []


def test_more_templates_than_fit_a_page_are_all_read(desk: TemplateDesk, simulator: RunningServer) -> None:
    body = [{"type": "BODY", "text": "Hello."}]
    many = [{"name": f"t{number}", "language": "en", "components": body} for number in range(257)]
    requests.post(f"{simulator.url}/_sim/templates", json={"templates": many}, timeout=5).raise_for_status()
    assert desk.watch.pull().total == 257


def test_a_page_that_fails_leaves_everything_as_it_was(desk: TemplateDesk, simulator: RunningServer) -> None:
    body = [{"type": "BODY", "text": "Hello."}]
    many = [{"name": f"t{number}", "language": "en", "components": body} for number in range(120)]
    requests.post(f"{simulator.url}/_sim/templates", json={"templates": many}, timeout=5).raise_for_status()
    desk.watch.pull()
    desk.watch.clock.advance(minutes=10)  # type: ignore[attr-defined]
    pages = iter([None, TryLater("too many calls", code="80007")])
    real = desk.watch.catalogue._graph.read  # type: ignore[attr-defined]

    def read(path: str, params: Any = None) -> Any:
        if (error := next(pages, None)) is not None:
            raise error
        return real(path, params)

    desk.watch.catalogue._graph.read = read  # type: ignore[attr-defined]
    with pytest.raises(TryLater):
        desk.watch.pull()
    with desk.watch.store.begin() as tx:
        assert all(row.listed for row in templates.everything(tx).values())


def test_a_submission_whose_answer_was_lost_is_found_by_the_next_look(
    store: Store, clock: FakeClock, jobs: RecordingJobs
) -> None:
    platform = FakeCatalogue()
    desk = TemplateDesk(TemplateWatch(store, platform, clock, jobs), STARTERS)
    steps = desk.missing(payloads("order_confirmation"))[:1]
    platform.late, platform.error = True, OutcomeUnknown("the answer was lost")
    (taken,) = desk.take(steps)
    assert isinstance(taken.error, OutcomeUnknown)
    platform.error = None
    clock.advance(minutes=10)
    assert len(desk.missing(payloads("order_confirmation"))) == 2


def test_what_would_meet_every_step_stops_at_the_first(store: Store, clock: FakeClock, jobs: RecordingJobs) -> None:
    platform = FakeCatalogue()
    desk = TemplateDesk(TemplateWatch(store, platform, clock, jobs), STARTERS)
    steps = desk.missing(payloads("order_confirmation"))
    platform.error = TryLater("100 submissions an hour", code="80007")
    taken = desk.take(steps)
    assert [(one.error is None, one.skipped) for one in taken] == [(False, False), (True, True), (True, True)]
