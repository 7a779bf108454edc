"""What the editor of HubSpot writes becomes the text that the customer reads."""

from __future__ import annotations

import pytest

from syncer.crm.hubspot.html_text import text_of
from syncer.crm.hubspot.messages import as_html


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>您好</p>", "您好"),
        ("<p>a</p><p>b</p>", "a\nb"),
        ("<p>a</p>\n<p>b</p>\n", "a\nb"),
        ("<p>a</p><p><br></p><p>b</p>", "a\n\nb"),
        ("<p>a</p><p>&nbsp;</p><p>b</p>", "a\n\nb"),
        ("<p>a<br></p><p>b</p>", "a\nb"),
        ("<p>a<br/>b<br />c</p>", "a\nb\nc"),
        ("a<br>b", "a\nb"),
        ("<div><div>a</div><div>b</div></div>", "a\nb"),
        ('<div style="" dir="auto" data-top-level="true"><p style="margin:0;">a</p></div>', "a"),
        ("<p>1 &lt; 2 &amp;&amp; &#x1F44D; &quot;x&quot;</p>", '1 < 2 && 👍 "x"'),
        ("<p>a&nbsp;&nbsp;b</p>", "a  b"),
        ("<p>one\n   line</p>", "one line"),
        ("<ul><li>a</li><li>b</li></ul><p>c</p>", "a\nb\nc"),
        ("<p><strong>粗</strong><em>斜</em> x</p>", "粗斜 x"),
        ('<p>see <a href="https://example.com/a?b=1&amp;c=2">here</a>.</p>', "see here https://example.com/a?b=1&c=2."),
        ('<p><a href="https://example.com/">https://example.com</a></p>', "https://example.com"),
        ('<p><a href="javascript:alert(1)">x</a><a href="mailto:a@b.c">y</a></p>', "xy"),
        ("<style>p{}</style><script>alert(1)</script><p>a</p>", "a"),
        ("<p>a<!-- not this --></p>", "a"),
        ("<p>never closed <b>bold", "never closed bold"),
        ("</p></div>a</a>", "a"),
        ("", ""),
        ("<p></p>", ""),
        ("plain\ntext\n\nof a workflow", "plain\ntext\n\nof a workflow"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("a < b && c", "a < b && c"),
        ("R&amp;D", "R&D"),
        ("I <3 you", "I <3 you"),
    ],
)
def test_markup_becomes_lines(body: str, text: str) -> None:
    assert text_of(body) == text


@pytest.mark.parametrize("text", ["a\nb", "<b>", "a\n\n\nb", "1 < 2 > 0 & &amp;", "👨‍👩‍👧", "a\tb", "&lt;br&gt;"])
def test_what_we_write_ourselves_reads_back_the_same(text: str) -> None:
    assert text_of(as_html(text)) == text
