"""Which language of a template a customer gets when theirs is missing (R13): a table of neighbours, then the company's
own order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: Languages written alike come before others of the same family: the three traditional scripts, the two simplified.
_SCRIPTS = (
    ("zh_TW", "zh_HK", "zh_MO"),
    ("zh_CN", "zh_SG"),
)


def choose(templates: Iterable[tuple[str, str]], name: str, language: str, order: Sequence[str] = ()) -> str | None:
    """The language in which template `name` goes to someone who asked for `language`; None when it has none.

    `templates` are the (name, language) that may be sent, a mapping by them included; `order` the company's languages,
    its default first. The nearest wins: the language itself, one in the same script, the language without a region,
    another region of it (in the company's order), then the company's order, then anything in alphabetical order.
    """
    offered = {there for known, there in templates if known == name}
    return min(offered, key=lambda there: (_distance(language, there), _place(there, order), there), default=None)


def _distance(asked: str, there: str) -> int:
    if there == asked:
        return 0
    if any(asked in script and there in script for script in _SCRIPTS):
        return 1
    if _family(there) != _family(asked):
        return 4
    return 2 if there == _family(asked) else 3


def _family(language: str) -> str:
    return language.split("_")[0]


def _place(language: str, order: Sequence[str]) -> int:
    return order.index(language) if language in order else len(order)
