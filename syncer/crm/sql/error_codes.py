"""The databases' own codes, by what to do next (law 14): data only."""

from __future__ import annotations

from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater

#: SQLSTATE, longest prefix first. PostgreSQL's list: https://www.postgresql.org/docs/current/errcodes-appendix.html
BY_SQLSTATE: dict[str, type[DeliveryError]] = {
    "25006": TryLater,  # read-only transaction: a replica that has not been promoted yet
    "42501": FixCredentials,  # insufficient privilege
    "55P03": TryAgain,  # lock not available
    "55000": FixCredentials,  # a view that takes no rows: every row would fail the same way
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
    "HYT": TryAgain,  # ODBC: timeout
    "IM": FixCredentials,  # ODBC: no such driver or data source
    "P0": Never,  # raised by the company's own trigger
}
#: MySQL's and MariaDB's numbers (https://mariadb.com/kb/en/mariadb-error-code-reference/; from 2000 the client's own),
#: and SQL Server's (sys.messages; https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues).
#: No number of the two that stands here means two things.
BY_NUMBER: dict[int, type[DeliveryError]] = {
    # MySQL and MariaDB
    1040: TryLater,  # too many connections
    1203: TryLater,  # too many connections of this user
    1226: TryLater,  # the user's allowance for this hour is used up
    1021: TryLater,  # disk full
    1041: TryLater,  # out of memory
    1290: TryLater,  # read-only server: a replica that has not been promoted yet
    1792: TryLater,  # read-only transaction
    1836: TryLater,  # read-only mode
    1044: FixCredentials,  # access denied to the database
    1045: FixCredentials,  # access denied for the user
    1049: FixCredentials,  # unknown database
    1054: FixCredentials,  # no such column
    1064: FixCredentials,  # syntax: only the company's own query can bring it
    1130: FixCredentials,  # this host may not connect
    1142: FixCredentials,  # command denied
    1143: FixCredentials,  # column denied
    1146: FixCredentials,  # no such table
    1227: FixCredentials,  # a privilege is missing
    1288: FixCredentials,  # a view that takes no changes
    1356: FixCredentials,  # a view whose table has gone
    1471: FixCredentials,  # a view that takes no rows
    1698: FixCredentials,  # access denied, by a plug-in
    1820: FixCredentials,  # the password has expired
    1862: FixCredentials,  # the password has expired
    1048: Never,  # null where none may be
    1062: Never,  # two of a kind
    1169: Never,  # two of a kind
    1216: Never,  # no such parent row
    1217: Never,  # a child row is there
    1264: Never,  # out of range
    1265: Never,  # no such word in the list
    1267: Never,  # two collations that cannot be compared
    1292: Never,  # no such date or number
    1364: Never,  # a column without default got nothing
    1366: Never,  # no such number, or a character that the column's character set lacks
    1406: Never,  # too long
    1451: Never,  # a child row is there
    1452: Never,  # no such parent row
    1644: Never,  # raised by the company's own trigger
    3140: Never,  # no JSON
    3819: Never,  # a check was not met (MySQL)
    4025: Never,  # a check was not met (MariaDB)
    1205: TryAgain,  # lock wait timeout (MySQL), deadlock victim (SQL Server)
    1213: TryAgain,  # deadlock
    1020: TryAgain,  # the row has changed since it was read
    1053: TryAgain,  # shutting down
    1080: TryAgain,  # cut off
    1152: TryAgain,  # cut off
    1158: TryAgain,  # network
    1159: TryAgain,  # network timeout
    1160: TryAgain,  # network
    1161: TryAgain,  # network timeout
    1317: TryAgain,  # interrupted
    1927: TryAgain,  # cut off (MariaDB)
    1969: TryAgain,  # our own statement timeout (MariaDB)
    3024: TryAgain,  # our own statement timeout (MySQL)
    3572: TryAgain,  # locked, and we would not wait
    2002: TryAgain,  # nobody answers
    2003: TryAgain,  # nobody answers
    2005: FixCredentials,  # no such host
    2006: TryAgain,  # gone away
    2013: TryAgain,  # lost while asking
    2055: TryAgain,  # lost
    2026: FixCredentials,  # TLS
    2059: FixCredentials,  # a way of logging in that the driver lacks
    # SQL Server
    102: FixCredentials,  # syntax: only the company's own query can bring it
    156: FixCredentials,  # syntax
    207: FixCredentials,  # no such column
    208: FixCredentials,  # no such table
    229: FixCredentials,  # permission denied
    230: FixCredentials,  # permission denied on a column
    262: FixCredentials,  # permission denied in the database
    916: FixCredentials,  # may not enter the database
    4060: FixCredentials,  # cannot open the database
    4403: FixCredentials,  # a view that takes no changes
    4406: FixCredentials,  # a computed column of a view
    4413: FixCredentials,  # a view whose table has gone
    18450: FixCredentials,  # login failed
    18452: FixCredentials,  # login from an untrusted domain
    18456: FixCredentials,  # login failed
    18470: FixCredentials,  # the account is disabled
    18487: FixCredentials,  # the password has expired
    18488: FixCredentials,  # the password must be changed
    220: Never,  # out of range
    241: Never,  # no such date
    242: Never,  # out of range
    245: Never,  # no such number
    248: Never,  # out of range
    515: Never,  # null where none may be
    547: Never,  # a foreign key or a check
    2601: Never,  # two of a kind
    2627: Never,  # two of a kind
    2628: Never,  # too long
    8114: Never,  # no such number
    8115: Never,  # out of range
    8152: Never,  # too long
    50000: Never,  # raised by the company's own trigger
    1204: TryLater,  # no locks left
    1105: TryLater,  # the file group is full
    701: TryLater,  # out of memory
    3906: TryLater,  # a read-only database: a replica that has not been promoted yet
    9002: TryLater,  # the log is full
    10928: TryLater,  # a limit of the service
    10929: TryLater,  # a limit of the service
    40501: TryLater,  # the service is busy
    40544: TryLater,  # the database is full
    49918: TryLater,  # the service is busy
    49919: TryLater,  # the service is busy
    49920: TryLater,  # the service is busy
    1222: TryAgain,  # lock wait timeout
    3960: TryAgain,  # changed since the snapshot
    64: TryAgain,  # cut off
    233: TryAgain,  # cut off
    596: TryAgain,  # the session is being ended
    6005: TryAgain,  # shutting down
    10053: TryAgain,  # cut off
    10054: TryAgain,  # cut off
    10060: TryAgain,  # nobody answers
    20002: TryAgain,  # nobody answers (DB-Library)
    20003: TryAgain,  # our own statement timeout (DB-Library)
    20009: TryAgain,  # nobody answers (DB-Library)
    20047: TryAgain,  # the connection is dead (DB-Library)
    40197: TryAgain,  # the service moves
    40613: TryAgain,  # the database is not there for the moment
}
#: A unique index that two rows would share.
CONFLICTS = frozenset(
    {"23505", "1062", "1169", "2601", "2627", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
)
