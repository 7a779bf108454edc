"""JSON of a delivery, read and written again so that nothing in it is lost and every database can store it.

orjson, where it is installed, is three times as fast; what it refuses (lone surrogates, numbers beyond 64 bits) the
standard library reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str) -> Any:
    """A number as it can be written again; one that no machine number holds stays a text."""
    if text.lstrip("-").isdigit():
        return int(text) if len(text) <= 18 else text
    number = float(text)
    return number if math.isfinite(number) else text


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_number, parse_int=_number)
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_CANONICAL = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def _decode(body: bytes) -> Any:
    return _DECODER.decode(body.decode())


def _encode(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()


_fast_decode: Callable[[bytes], Any] = _decode
_fast_encode: Callable[[Any], bytes] = _encode
try:
    import orjson
except ImportError:
    pass
else:
    _fast_decode, _fast_encode = orjson.loads, orjson.dumps


def load(body: bytes) -> Any:
    """The value. Raises `ValueError` when it is not JSON, `RecursionError` when it is nested too deeply."""
    try:
        return _fast_decode(body)
    except ValueError:
        return _decode(body)


def dump(value: Any) -> str:
    """JSON text with NUL and lone surrogates as escapes, for PostgreSQL's text. Raises `RecursionError`."""
    try:
        return _fast_encode(value).decode()
    except TypeError:
        return _encode(value).decode()


def canonical(value: Any) -> bytes:
    """The one spelling of a value, whichever library is installed and whatever the order of its keys."""
    return _CANONICAL.encode(value).encode()
