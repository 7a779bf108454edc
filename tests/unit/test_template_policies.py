"""The decisions about templates: which language goes, what the platform's word means, what differs (R8, R13)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncer.domain.template import Template, TemplateButton
from syncer.policies.template_comparison import differences, problems
from syncer.policies.template_language import choose
from syncer.policies.template_standing import About, Alert, Level, Standing, consequences, obstacle, state_after

ORDER = ("zh_TW", "en_US", "zh_CN")


@pytest.mark.parametrize(
    ("asked", "offered", "taken"),
    [
        ("zh_TW", ("zh_TW", "zh_CN", "en_US"), "zh_TW"),
        ("zh_HK", ("zh_TW", "zh_CN", "en_US"), "zh_TW"),
        ("zh_HK", ("zh_CN", "en_US"), "zh_CN"),
        ("zh_MO", ("zh_CN", "zh_HK", "zh_TW"), "zh_TW"),
        ("zh_SG", ("zh_TW", "zh_CN"), "zh_CN"),
        ("zh", ("en_US", "zh_CN", "zh_TW"), "zh_TW"),
        ("en_GB", ("zh_TW", "en_US"), "en_US"),
        ("en_GB", ("en_US", "en"), "en"),
        ("en", ("en_GB", "en_US"), "en_US"),
        ("pt_BR", ("pt_PT", "zh_TW"), "pt_PT"),
        ("es_MX", ("es_ES", "es_AR"), "es_AR"),
        ("ja", ("zh_CN", "en_US", "zh_TW"), "zh_TW"),
        ("ja", ("zh_CN", "en_US"), "en_US"),
        ("ja", ("ko", "de"), "de"),
        ("", ("en_US", "zh_TW"), "zh_TW"),
        ("zh_TW", (), None),
    ],
)
def test_the_nearest_language_that_may_go_is_taken(asked: str, offered: tuple[str, ...], taken: str | None) -> None:
    keys = [("order", language) for language in offered] + [("other", asked)]
    assert choose(keys, "order", asked, ORDER) == taken


def test_a_mapping_by_name_and_language_will_do() -> None:
    assert choose({("order", "en"): 1, ("order", "de"): 2}, "order", "fr") == "de"


GOOD = Standing("APPROVED", "GREEN", "utility")
PAUSED = replace(GOOD, status="PAUSED")


@pytest.mark.parametrize(
    ("event", "status", "after"),
    [
        ("PAUSED", "APPROVED", "PAUSED"),
        ("APPROVED", "", "APPROVED"),
        ("REINSTATED", "DISABLED", "APPROVED"),
        ("UNARCHIVED", "ARCHIVED", "ARCHIVED"),
        ("FLAGGED", "APPROVED", "APPROVED"),
        ("LOCKED", "PAUSED", "PAUSED"),
        ("NEVER_HEARD_OF", "APPROVED", "APPROVED"),
        ("NEVER_HEARD_OF", "", ""),
        (None, "PAUSED", "PAUSED"),
    ],
)
def test_an_event_leads_to_a_state_or_changes_nothing(event: str | None, status: str, after: str) -> None:
    assert state_after(event, status) == after


@pytest.mark.parametrize(
    ("standing", "known", "told"),
    [
        (GOOD, True, None),
        (GOOD, False, None),
        (None, False, None),
        (None, True, "is not in the account's catalogue"),
        (Standing(""), False, None),
        (Standing(""), True, "is in a state that is not known yet"),
        (PAUSED, False, "is PAUSED"),
        (replace(PAUSED, reason="LOW"), True, "is PAUSED (LOW)"),
        (replace(PAUSED, reason="LOW", detail="again"), True, "is PAUSED (LOW, again)"),
        (replace(GOOD, quality="RED"), True, None),
        (replace(GOOD, listed=False), True, "is no longer in the account's catalogue"),
        (replace(GOOD, suspended="132001"), True, "is suspended: 132001"),
        (replace(GOOD, status="PENDING_DELETION"), True, "is PENDING_DELETION"),
        (replace(GOOD, status="SOMETHING_NEW"), True, "is SOMETHING_NEW"),
    ],
)
def test_only_an_approved_template_may_be_sent(standing: Standing | None, known: bool, told: str | None) -> None:
    assert obstacle(standing, catalogue_known=known) == told


WELL = Alert(About.STATE, None)


def state(message: str, level: Level = Level.WARNING) -> Alert:
    return Alert(About.STATE, f"it {message}", level)


@pytest.mark.parametrize(
    ("before", "after", "in_use", "hold", "alerts"),
    [
        (None, GOOD, False, None, [WELL]),
        (PAUSED, GOOD, True, None, [WELL]),
        (GOOD, PAUSED, False, "is PAUSED", [state("is PAUSED")]),
        (None, PAUSED, False, "is PAUSED", []),
        (None, PAUSED, True, "is PAUSED", [state("is PAUSED")]),
        (PAUSED, PAUSED, True, "is PAUSED", []),
        (PAUSED, replace(GOOD, status="DISABLED"), False, "is DISABLED", [state("is DISABLED", Level.CRITICAL)]),
        (GOOD, replace(GOOD, status="PENDING"), False, "is PENDING", []),
        (GOOD, replace(GOOD, status="PENDING"), True, "is PENDING", [state("is PENDING")]),
        (
            replace(GOOD, status="PENDING"),
            replace(GOOD, status="REJECTED"),
            False,
            "is REJECTED",
            [state("is REJECTED", Level.CRITICAL)],
        ),
        (
            GOOD,
            replace(GOOD, listed=False),
            False,
            "is no longer in the account's catalogue",
            [state("is no longer in the account's catalogue", Level.CRITICAL)],
        ),
        (
            GOOD,
            replace(GOOD, suspended="x"),
            True,
            "is suspended: x",
            [state("is suspended: x", Level.CRITICAL)],
        ),
    ],
)
def test_what_follows_from_a_changed_standing(
    before: Standing | None, after: Standing, in_use: bool, hold: str | None, alerts: list[Alert]
) -> None:
    found = consequences(before, after, in_use=in_use)
    assert (found.hold, list(found.alerts)) == (hold, alerts)


def test_red_quality_and_another_category_are_told_once_and_hold_nothing() -> None:
    red, marketing = replace(GOOD, quality="RED"), replace(GOOD, category="marketing")
    assert [alert.about for alert in consequences(GOOD, red, in_use=False).alerts] == [About.STATE, About.QUALITY]
    assert [alert.about for alert in consequences(red, red, in_use=False).alerts] == [About.STATE]
    assert consequences(red, GOOD, in_use=False).alerts == (WELL, Alert(About.QUALITY, None))
    told = consequences(GOOD, marketing, in_use=False)
    assert told.hold is None
    assert told.alerts[1].message == "it was utility and is marketing now: price and consent rules differ"
    assert consequences(replace(GOOD, category=""), marketing, in_use=False).alerts == (WELL,)


# The file and the account

REPLY = TemplateButton("QUICK_REPLY", "Stop", payload="OPT_OUT")
OURS = Template("offer", "en", "marketing", "Hello {{1}}!", "Formosa Tea", "TEXT", "Offer", (REPLY,))
THEIRS = replace(OURS, buttons=(replace(REPLY, payload=""),))


@pytest.mark.parametrize(
    ("theirs", "parts"),
    [
        (THEIRS, []),
        (replace(THEIRS, body="Hi {{1}}!"), ["body"]),
        (replace(THEIRS, footer="Tea"), ["footer"]),
        (replace(THEIRS, header="x"), ["header"]),
        (replace(THEIRS, header_format="IMAGE", header=""), ["header"]),
        (replace(THEIRS, buttons=()), ["buttons"]),
        (replace(THEIRS, buttons=(TemplateButton("QUICK_REPLY", "End"),)), ["buttons"]),
    ],
)
def test_the_parts_that_differ_are_named(theirs: Template, parts: list[str]) -> None:
    assert differences(OURS, theirs) == parts


def test_a_code_differs_only_in_its_button() -> None:
    ours = Template("code", "en", "authentication", "a", "b", buttons=(TemplateButton("OTP", "Copy"),))
    url = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"
    theirs = replace(ours, body="c", footer="", buttons=(TemplateButton("URL", "Copy", url),))
    assert differences(ours, theirs) == []
    assert differences(ours, replace(theirs, buttons=())) == ["buttons"]


@pytest.mark.parametrize(
    ("ours", "theirs", "standing", "known", "told"),
    [
        (OURS, THEIRS, GOOD, True, ["the account's category is utility, the file's marketing"]),
        (OURS, None, None, False, ["the account's catalogue was never read"]),
        (OURS, None, None, True, ["is not in the account's catalogue"]),
        (OURS, THEIRS, PAUSED, True, ["is PAUSED", "the account's category is utility, the file's marketing"]),
        (
            None,
            replace(THEIRS, footer=""),
            GOOD,
            True,
            ["the template offer in en does not name the sender, Formosa Tea"],
        ),
        (None, THEIRS, PAUSED, True, []),
        (None, replace(THEIRS, header_format="LOCATION"), GOOD, True, ["a header of the format LOCATION"]),
        (None, replace(THEIRS, buttons=(TemplateButton("SPM"),)), GOOD, True, ["a button of the kind SPM"]),
    ],
)
def test_everything_that_a_person_should_look_at_is_told(
    ours: Template | None, theirs: Template | None, standing: Standing | None, known: bool, told: list[str]
) -> None:
    changed = replace(theirs, category="utility") if ours and theirs else theirs
    found = problems(ours, changed, standing, "Formosa Tea", catalogue_known=known)
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True))
