"""How the CRMs stand: whoever calls one asks here first and tells what came of it, so that one that does not serve is
left in peace by all workers at once, and a person hears of it (law 8)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from sqlalchemy import Connection

from syncer.domain.errors import FixCredentials
from syncer.domain.standing import Standing
from syncer.policies import breaker
from syncer.policies.breaker import Leave, Patience
from syncer.ports import Clock
from syncer.store import alerts, crm_breakers
from syncer.store.session import Store

log = logging.getLogger(__name__)


def alert_key(crm: str) -> str:
    """The alert about a CRM, in `store.alerts`."""
    return f"crm:{crm}"


@dataclass(frozen=True)
class CrmStanding:
    """The circuit breakers of all CRMs; they live in the database. `what` a call was about (`contacts`, `replies`, a
    topic of the writes) keeps apart what may need permissions of its own."""

    store: Store
    clock: Clock
    patience: Patience = field(default_factory=Patience)

    def may_ask(self, crm: str) -> bool:
        """Whether to call the CRM now. After a pause the answer is yes for one caller, who asks for all: tell `served`
        or `failed` soon. Raises `Unreachable`."""
        with self.store.begin() as tx:
            return self.leave(tx, crm) is not Leave.NO

    def resting(self, crm: str) -> bool:
        """Whether the CRM is to be left in peace; asking this makes nobody its prober. For long work, such as a
        sync."""
        with self.store.begin() as tx:
            standing = crm_breakers.standing(tx, crm)
        return breaker.leave(standing, self.clock.now()) is Leave.NO

    def away(self) -> dict[str, str]:
        """CRMs that do not serve at present, each with the reason."""
        with self.store.begin() as tx:
            rows = crm_breakers.all_of(tx)
        return {crm: row.reason or "" for crm, row in rows.items() if row.open_since is not None}

    def served(self, crm: str, what: str = "") -> None:
        """A call was served, whatever it said of single records."""
        self.store.run(lambda tx: self.note_served(tx, crm, what))

    def failed(self, crm: str, error: Exception, what: str = "") -> None:
        """A call as a whole was not served. An error that is about single records changes nothing."""
        self.store.run(lambda tx: self.note_failed(tx, crm, error, what))

    def leave(self, tx: Connection, crm: str) -> Leave:
        """As `may_ask`, within a transaction; a probe is taken with it."""
        now = self.clock.now()
        found = breaker.leave(crm_breakers.standing(tx, crm), now)
        if found is Leave.PROBE and not crm_breakers.take_probe(tx, crm, now, now + breaker.PROBE):
            return Leave.NO
        return found

    def nothing_to_ask(self, tx: Connection, crm: str) -> None:
        """Whoever was to ask for all had nothing to ask after all: the next caller may."""
        crm_breakers.give_back_probe(tx, crm)

    def note_served(self, tx: Connection, crm: str, what: str = "") -> None:
        """As `served`, within a transaction."""
        if not crm_breakers.troubled(tx, crm, what):
            return
        now = self.clock.now()
        before = crm_breakers.hold(tx, crm, now)
        after = breaker.after_service(before, what)
        crm_breakers.write(tx, crm, after, now)
        if before.open_since is not None:
            log.warning("%s serves again, after %s", crm, now - before.open_since)
        if breaker.ended(before, after):
            alerts.end(tx, alert_key(crm), now)

    def note_failed(self, tx: Connection, crm: str, error: Exception, what: str = "") -> Standing:
        """As `failed`, within a transaction; returns how the CRM stands now."""
        now = self.clock.now()
        before = crm_breakers.hold(tx, crm, now)
        if not breaker.counts(error):
            # Whoever was to ask for all did not learn how it stands: the next caller may.
            self.nothing_to_ask(tx, crm)
            return before
        after = breaker.after_failure(before, what, error, now, self.patience)
        crm_breakers.write(tx, crm, after, now, code=getattr(error, "code", ""), reason=_told(error))
        if before.open_since is None and after.open_since is not None:
            log.warning("%s is left in peace until %s: %s", crm, after.retry_at, _told(error))
        if breaker.grave(after, self.patience):
            alerts.sound(tx, alert_key(crm), _message(crm, what, error, after), now, level=alerts.CRITICAL)
        return after


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__


def _message(crm: str, what: str, error: Exception, standing: Standing) -> str:
    if isinstance(error, FixCredentials):
        about = f" ({what})" if what else ""
        return f"{crm} refuses our credentials{about}; what it has to be told waits: {error}"
    since = f" since {standing.open_since:%Y-%m-%d %H:%M:%S}" if standing.open_since else ""
    return f"{crm} has not served{since}; what it has to be told waits: {_told(error)}"
