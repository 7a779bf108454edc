"""The one error of this package."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded servers cannot serve; `str()` is one line for an operator, with the way out where there is one."""

    def __init__(self, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
