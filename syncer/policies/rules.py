"""Reading a customer's message by the rules of `config/rules.toml` (R30-R34).

Of the rules that match, the loudest one that replies, hands over or records consent acts: its reply, handoff, consent
and tags count, and nobody else's. Rules that only tag add their tags besides.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from syncer.domain.consent import Word
from syncer.domain.rule import Match, Rule, Verdict

#: Types of message whose text is in the customer's own words; a place's name or a shared contact is not.
WITH_WORDS = frozenset({"text", "image", "video", "document", "button", "interactive", "order"})

#: Written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Bopomofo, Chinese characters.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
#: What phones type for an apostrophe, and characters that show as nothing.
_SPELLINGS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u200b": None, "\u2060": None, "\ufeff": None}
)
_EMOJI_STYLES = "\ufe0e\ufe0f"


class RuleBook:
    """The rules, the loudest first, with the language to fall back on, and the `courtesies` that change no meaning.
    Made once, then it judges a message in some tens of microseconds: only keywords that begin with two characters of
    the text are looked at."""

    def __init__(self, rules: Sequence[Rule], fallback_language: str = "zh_TW", courtesies: Iterable[str] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: (-rule.priority, rule.id)))
        self.fallback_language = fallback_language
        self._courtesies = tuple(sorted({level(word) for word in courtesies} - {""}, key=len, reverse=True))
        self._wordless = {rank for rank, rule in enumerate(self.rules) if not rule.keywords and rule.kinds}
        self._whole: dict[str, set[Rank]] = defaultdict(set)
        self._parts: dict[str, list[tuple[str, Match, Rank]]] = defaultdict(list)
        for rank, rule in enumerate(self.rules):
            for keyword in {level(word) for word in rule.keywords} - {""}:
                if rule.match is Match.EXACT:
                    self._whole[keyword].add(rank)
                else:
                    self._parts[keyword[:2]].append((keyword, rule.match, rank))

    def judge(self, text: str, kind: str = "text") -> Verdict:
        """Everything a message sets off. `kind` is the platform's type of the message."""
        matched = [rule for rule in self._matching(text) if _speaks_to(rule, kind)]
        acting = next((rule for rule in matched if acts(rule)), None)
        tags = [*(acting.tags if acting else ()), *(tag for rule in matched if not acts(rule) for tag in rule.tags)]
        return Verdict(
            reply=acting if acting and acting.replies else None,
            handoff=acting if acting and acting.handoff_reason else None,
            tags=tuple(dict.fromkeys(tags)),
            marketing=acting if acting and acting.marketing else None,
        )

    def meaning(self, word: Word) -> Verdict:
        """What a word of consent sets off that came by other ways than its keywords, such as a button."""
        rule = next((rule for rule in self.rules if rule.marketing is word), None)
        if rule is None:
            return Verdict()
        return Verdict(reply=rule if rule.replies else None, tags=rule.tags, marketing=rule)

    def wording(self, replies: Mapping[str, str], language: str | None) -> str:
        """The reply in the customer's language, else in one of the same family, else in the company's."""
        if language and language in replies:
            return replies[language]
        family = (language or "").split("_")[0]
        near = next((text for code, text in replies.items() if code.split("_")[0] == family), None)
        return near or replies.get(self.fallback_language) or next(iter(replies.values()))

    def _matching(self, text: str) -> Iterator[Rule]:
        """The rules that have no keywords or one of whose keywords is in the text, loudest first."""
        plain = level(text)
        found = self._wordless | self._heard(plain)
        if (bare := without(self._courtesies, plain)) != plain:
            found = found | self._whole.get(bare, set())
        return (self.rules[rank] for rank in sorted(found))

    def _heard(self, text: str) -> set[Rank]:
        ranks = set(self._whole.get(text, ()))
        beginnings = {text[at : at + 2] for at in range(len(text))} | set(text)
        for beginning in beginnings & self._parts.keys():
            for keyword, match, rank in self._parts[beginning]:
                if rank not in ranks and keyword in text and (match is Match.CONTAINS or has_word(text, keyword)):
                    ranks.add(rank)
        return ranks


#: Place of a rule in the book, 0 the loudest.
Rank = int


def acts(rule: Rule) -> bool:
    """Whether the rule does more than tag."""
    return bool(rule.replies or rule.handoff_reason or rule.marketing)


def _speaks_to(rule: Rule, kind: str) -> bool:
    return kind in rule.kinds if rule.kinds else kind in WITH_WORDS


def level(text: str) -> str:
    """The text without differences of width, case, apostrophe and spacing, and without what stands around it: spaces,
    punctuation, emoji. `「ＳＴＯＰ」！` becomes `stop`."""
    return " ".join(_trimmed(unicodedata.normalize("NFKC", text.translate(_SPELLINGS)).casefold()).split())


def _trimmed(plain: str) -> str:
    start, end = 0, len(plain)
    while start < end and _is_edge(plain[start]):
        start += 1
    while end > start and _is_edge(plain[end - 1]):
        end -= 1
    return plain[start:end]


def without(courtesies: tuple[str, ...], text: str) -> str:
    """The levelled text without courtesies (levelled, the longest first) at its beginning and end; one that is nothing
    else stays."""
    if not (text.startswith(courtesies) or text.endswith(courtesies)):
        return text
    for word in courtesies:
        before, after = text[: -len(word)], text[len(word) :]
        if text.startswith(word) and _part(word, after) and (bare := _trimmed(after)):
            return without(courtesies, bare)
        if text.endswith(word) and _part(before, word) and (bare := _trimmed(before)):
            return without(courtesies, bare)
    return text


def _part(left: str, right: str) -> bool:
    """Whether a word may end with `left` and another begin with `right`."""
    return not (_is_spaced(left[-1:]) and _is_spaced(right[:1]))


def _is_edge(character: str) -> bool:
    return unicodedata.category(character)[0] in "PSZC" or character in _EMOJI_STYLES


def has_word(text: str, keyword: str) -> bool:
    """Whether the levelled keyword is in the levelled text as a word of its own. Where its edge is of a script without
    spaces (Chinese, Japanese, Thai), every place is a border; a Chinese neighbour is a border to Latin letters too."""
    opens, closes = _is_spaced(keyword[0]), _is_spaced(keyword[-1])
    at = text.find(keyword)
    while at >= 0:
        end = at + len(keyword)
        if not (opens and _is_spaced(text[at - 1 : at])) and not (closes and _is_spaced(text[end : end + 1])):
            return True
        at = text.find(keyword, at + 1)
    return False


def _is_spaced(character: str) -> bool:
    """Whether a word of a script with spaces may go on with this: a letter, a digit or an accent (`é`, `й`, `ें`)."""
    return character != "" and unicodedata.category(character)[0] in "LNM" and not _UNSPACED.match(character)
