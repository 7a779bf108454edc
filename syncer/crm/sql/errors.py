"""What a database's error means for us, by what to do next (law 14). The codes stand in `error_codes`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exc

from syncer.crm.sql.error_codes import BY_NUMBER, BY_SQLSTATE, CONFLICTS
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain

#: What a failed login or a changed schema says where no code comes with it (libpq before the session, SQLite).
_BEYOND_REPEATING = re.compile(
    r"authentication failed|no pg_hba\.conf entry|role .* does not exist|database .* does not exist|access denied"
    r"|no password supplied|no such (?:table|column)|has no column named|readonly database|permission denied"
    r"|because it is a view|syntax error|login failed",
    re.IGNORECASE,
)
#: Where ODBC puts SQL Server's own number: `... Login failed for user 'x'. (18456) (SQLDriverConnect)`.
_NUMBER_IN_WORDS = re.compile(r"\((\d{2,5})\)")
#: Where MySQL and SQL Server quote a value in their first line, as in: Duplicate entry '+886912345678' for key 'phone'.
_QUOTED = re.compile(r"(entry|value:?) '.*'( for)|(key value is) \(.*\)()")
_BY_CLASS: tuple[tuple[type[Exception], type[DeliveryError]], ...] = (
    # All that is left of an error where somebody asks a connection for something after it was cut off.
    (exc.PendingRollbackError, TryAgain),
    (exc.DataError, Never),
    (exc.IntegrityError, Never),
    (exc.NotSupportedError, Never),
    (exc.ProgrammingError, FixCredentials),
    (exc.DBAPIError, TryAgain),
    (exc.TimeoutError, TryAgain),
)

#: What reading or writing through SQLAlchemy may raise; the last three come from a driver refusing a value unsent.
FAILURES = (exc.SQLAlchemyError, ValueError, TypeError, OverflowError)


def translate(error: Exception) -> DeliveryError:
    """The error as one of ours. Its text is the database's first line: further lines may quote customers' data."""
    if isinstance(error, DeliveryError):
        return error
    codes = _codes(error)
    return _kind(error, codes)(_first_line(error), code=codes[0] if codes else "")


def is_conflict(error: Exception) -> bool:
    """Whether a unique index refused the row: another row has the value."""
    return not CONFLICTS.isdisjoint(_codes(error))


def _kind(error: Exception, codes: list[str]) -> type[DeliveryError]:
    for code in codes:
        if code.isdigit() and int(code) in BY_NUMBER:
            return BY_NUMBER[int(code)]
        for known in (code, code[:3], code[:2]):
            if known in BY_SQLSTATE and not (code.isdigit() and len(code) < len("23505")):
                return BY_SQLSTATE[known]
    if isinstance(error, exc.DBAPIError) and _BEYOND_REPEATING.search(str(error.orig)):
        return FixCredentials
    return next((kind for known, kind in _BY_CLASS if isinstance(error, known)), Never)


def _codes(error: Exception) -> list[str]:
    """What the driver gives, the most exact first: a number of MySQL's or SQL Server's, a SQLSTATE, SQLite's name."""
    original = getattr(error, "orig", None)
    arguments: Sequence[Any] = getattr(original, "args", ())
    first = arguments[0] if arguments else None
    if isinstance(first, tuple) and first:
        first = first[0]  # pymssql, now and then
    found: list[object] = [getattr(original, "pgcode", None), getattr(original, "sqlite_errorname", None)]
    if isinstance(first, int):
        found.append(first)
    elif isinstance(first, str) and len(first) == len("HY000") and len(arguments) > 1:
        found += [*_NUMBER_IN_WORDS.findall(str(arguments[1])), first]  # ODBC
    found.append(getattr(original, "sqlstate", None))
    return [str(code) for code in found if code]


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None)
    arguments: Sequence[Any] = getattr(original, "args", ())
    told = arguments[1] if len(arguments) > 1 and isinstance(arguments[0], int) else original or error
    text = (told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)).strip()
    return _QUOTED.sub(r"\1\3 ...\2", text.splitlines()[0]) if text else type(error).__name__
