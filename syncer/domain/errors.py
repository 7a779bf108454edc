"""Errors, named by what to do next (law 14).

Adapters translate whatever a provider answered into one of these; flows and the retry policy know nothing else.

    SyncerError
    ├── DeliveryError          a call to the outside did not do what was asked
    │   ├── TryAgain           nothing happened there; the same call may work at once or a little later
    │   ├── TryLater           nothing happened there; the other side named or implied a time to come back
    │   │   └── OverQuota          the other side was not even asked: we keep below what it lets us ask
    │   ├── OutcomeUnknown     it may have happened there; only evidence can tell, never a blind repeat
    │   ├── Never              this very item will never be accepted; others may
    │   │   ├── SendAsTemplate     the customer service window is closed: the same in a template would be accepted
    │   │   ├── OptedOut           the customer has told the platform that they want no marketing
    │   │   └── WrongTemplate      the template is not what we believe it is: look at the catalogue again
    │   ├── FixCredentials     nothing will be accepted until somebody renews a token or a permission
    │   └── AskPerson          a person has to decide before anything goes on
    │       ├── PauseTemplate      about this template: whatever else would use it waits
    │       ├── PauseNumber        about this number: whatever else would leave from it waits or goes by another
    │       └── StopAccount        about the account: everything waits
    └── Refused                our own rules say no (already running, not allowed)
"""

from __future__ import annotations


class SyncerError(Exception):
    """Something that the engine itself noticed; the text is meant for an operator."""


class DeliveryError(SyncerError):
    """A call to a provider failed. `code` is the provider's own (text), `detail` its explanation."""

    def __init__(self, detail: str, *, code: str = "") -> None:
        super().__init__(f"{code}: {detail}" if code else detail)
        self.code = code
        self.detail = detail


class TryAgain(DeliveryError):
    """Known not to have happened on the other side (refused connection, 5xx before acceptance): repeat it."""


class TryLater(DeliveryError):
    """Known not to have happened; come back after `wait_seconds` (Retry-After, a rate limit, an open breaker).

    `scope` says whom the wait concerns: this `item` only (one recipient was written to too often), or the whole
    `number` or account that everything else would leave from too.
    """

    def __init__(self, detail: str, *, code: str = "", wait_seconds: float = 30.0, scope: str = "number") -> None:
        super().__init__(detail, code=code)
        self.wait_seconds = wait_seconds
        self.scope = scope


class OverQuota(TryLater):
    """Our own quota has no room for the call now, so it was not made; this says nothing of the other side."""


class OutcomeUnknown(DeliveryError):
    """The request left us and no answer came back: it may have been carried out (law 6)."""


class Never(DeliveryError):
    """This item is not acceptable to the other side, now or later."""


class SendAsTemplate(Never):
    """Free-form content outside the customer service window (X6)."""


class OptedOut(Never):
    """The customer has stopped our marketing; to be entered in the consent ledger, and never tried again."""


class WrongTemplate(Never):
    """The template does not exist, is not approved, or takes other parameters than we thought."""


class FixCredentials(DeliveryError):
    """The other side refuses our token, scope or account; every item would fail the same way."""


class AskPerson(DeliveryError):
    """The other side asks for a human decision (a blocked account, a spam restriction)."""


class PauseTemplate(AskPerson):
    """The platform stopped a template for everyone; messages that would use it wait."""


class PauseNumber(AskPerson):
    """The platform restricts one business number; messages wait, or leave by the backup number (R12)."""


class StopAccount(AskPerson):
    """The platform blocks the account; nothing leaves until a person has acted there."""


class Refused(SyncerError):
    """Our own rules do not allow it now: already running, no consent, not permitted."""


class Unreachable(SyncerError):
    """A service the engine needs (database, broker, provider) does not answer."""
