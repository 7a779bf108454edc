"""What a database's error means for us, by what to do next (law 14). One table per kind of code."""

from __future__ import annotations

import re

from sqlalchemy import exc

from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater

#: SQLSTATE, longest prefix first. PostgreSQL's list: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_SQLSTATE: dict[str, type[DeliveryError]] = {
    "25006": TryLater,  # read-only transaction: a replica that has not been promoted yet
    "42501": FixCredentials,  # insufficient privilege
    "55P03": TryAgain,  # lock not available
    "57014": TryAgain,  # our own statement timeout
    "08": TryAgain,  # connection
    "0A": Never,  # feature not supported
    "21": Never,  # cardinality
    "22": Never,  # data
    "23": Never,  # integrity
    "28": FixCredentials,  # authentication
    "3D": FixCredentials,  # no such database
    "40": TryAgain,  # serialization failure, deadlock
    "42": FixCredentials,  # no such table or column any more, or no right to it: every row would fail the same way
    "44": Never,  # check option of a view
    "53": TryLater,  # too many connections, disk full
    "54": Never,  # program limit, such as a row too big for its index
    "55": TryAgain,
    "57": TryAgain,  # shutting down, starting up
    "58": TryLater,  # system error
    "P0": Never,  # raised by the company's own trigger
}
#: MySQL's and SQL Server's numbers, where their class of exception says too little.
_BY_NUMBER: dict[int, type[DeliveryError]] = {
    1044: FixCredentials,  # access denied to the database
    1045: FixCredentials,  # access denied for the user
    1049: FixCredentials,  # unknown database
    1142: FixCredentials,  # command denied
    1146: FixCredentials,  # no such table
    1054: FixCredentials,  # no such column
    1205: TryAgain,  # lock wait timeout (MySQL), deadlock victim (SQL Server)
    1213: TryAgain,  # deadlock
    1040: TryLater,  # too many connections
    18456: FixCredentials,  # login failed (SQL Server)
}
#: What a failed login or a changed schema says where no code comes with it (libpq before the session, SQLite).
_BEYOND_REPEATING = re.compile(
    r"authentication failed|no pg_hba\.conf entry|role .* does not exist|database .* does not exist|access denied"
    r"|no password supplied|no such (?:table|column)|has no column named|readonly database|permission denied",
    re.IGNORECASE,
)
_BY_CLASS: tuple[tuple[type[Exception], type[DeliveryError]], ...] = (
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
    code = _code(error)
    return _kind(error, code)(_first_line(error), code=code)


def _kind(error: Exception, code: str) -> type[DeliveryError]:
    for known in (code, code[:2]):
        if known in _BY_SQLSTATE:
            return _BY_SQLSTATE[known]
    if code.isdigit() and int(code) in _BY_NUMBER:
        return _BY_NUMBER[int(code)]
    if isinstance(error, exc.DBAPIError) and _BEYOND_REPEATING.search(str(error.orig)):
        return FixCredentials
    return next((kind for known, kind in _BY_CLASS if isinstance(error, known)), Never)


def _code(error: Exception) -> str:
    """The SQLSTATE where the driver gives one, else the number of MySQL or SQL Server, else nothing."""
    original = getattr(error, "orig", None)
    state = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    arguments = getattr(original, "args", ())
    number = arguments[0] if arguments and isinstance(arguments[0], int) else None
    return str(state) if state else str(number) if number is not None else ""


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
