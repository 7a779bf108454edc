"""What the customers of the CRM scenario say: questions that are answered by themselves, plain words, and every tenth
one a wish for a person. The words are the tour's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, cycle

from syncer.acceptance import conversation_texts as texts
from syncer.acceptance.conversation_script import Cast, Line, Part

#: One line in so many asks for a person.
HANDOFF_EVERY = 10
#: One in so many is said by somebody whom no CRM knows.
STRANGER_EVERY = 12
#: One person says so many of the lines that no rule hands over: few enough that their number does not either (R33).
LINES_EACH = 2


def write(messages: int) -> list[Line]:
    """So many lines, in the order in which they are said. Everybody who asks for a person says that and no more: a
    second handoff of one conversation would be one to argue about."""
    handed, others = _handed_over(), _others()
    return [next(handed) if place % HANDOFF_EVERY == HANDOFF_EVERY // 2 else next(others) for place in range(messages)]


def _handed_over() -> Iterator[Line]:
    wordings = [(text, "asks_for_person") for text in texts.PERSON_TEXTS]
    wordings += [(text, "complaint") for text in texts.COMPLAINT_TEXTS]
    for number, (wording, rule) in zip(count(1), cycle(wordings), strict=False):
        body = wording.replace("{n}", str(70_000 + number))
        yield Line(Part(number, Cast.CUSTOMER), "text", {"body": body}, body, answered=True, handoff=rule)


def _others() -> Iterator[Line]:
    asked = [(text, True) for wordings in texts.KEYWORD_TEXTS.values() for text in wordings]
    wordings = cycle([*asked, *((text, False) for text in texts.PLAIN_TEXTS)])
    for number in count():
        wording, answered = next(wordings)
        body = wording.replace("{n}", str(80_000 + number))
        person = 1_000_000 + number // LINES_EACH
        cast = Cast.STRANGER if person % STRANGER_EVERY == 0 else Cast.CUSTOMER
        yield Line(Part(person, cast), "text", {"body": body}, body, answered=answered)
