"""What a person wrote in HubSpot's editor, as the plain text that WhatsApp sends."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|<!--")
_BREAKS = re.compile(r" *[\r\n]+ *")
_BLOCKS = frozenset(
    ("p", "div", "li", "ul", "ol", "blockquote", "pre", "tr", "table", *(f"h{size}" for size in range(1, 7)))
)
_UNSEEN = frozenset(("script", "style", "head", "title"))
_NO_BREAK = "\N{NO-BREAK SPACE}"


def text_of(body: str) -> str:
    """The text of a body, line by line: a paragraph, a division and `<br>` end a line, a link is followed by its
    address unless it shows it. A body without any markup is taken as it stands, its character references excepted."""
    if not _MARKUP.search(body):
        return html.unescape(body).replace(_NO_BREAK, " ")
    reader = _Reader()
    reader.feed(body)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects lines. Where a line has just begun, the border of a block begins no other."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [""]
        self._fresh = True
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        """All lines, none of the empty ones at the beginning and at the end."""
        lines = [line.replace(_NO_BREAK, " ").strip(" ") for line in self._lines]
        return "\n".join(lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._begin_line()
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", self._length()))
        elif tag in _BLOCKS and not self._fresh:
            self._begin_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links:
            self._name_address(*self._links.pop())
        elif tag in _BLOCKS and not self._fresh:
            self._begin_line()

    def handle_data(self, data: str) -> None:
        seen = _BREAKS.sub(" ", data)
        if not self._unseen and (seen.strip(" ") or not self._fresh):
            self._lines[-1] += seen
            self._fresh = False

    def _begin_line(self) -> None:
        self._lines.append("")
        self._fresh = True

    def _name_address(self, href: str, start: int) -> None:
        shown = "".join(self._lines)[start:].strip()
        if href.startswith(("http://", "https://")) and shown.rstrip("/") != href.rstrip("/"):
            self._lines[-1] += f" {href}"
            self._fresh = False

    def _length(self) -> int:
        return sum(map(len, self._lines))
