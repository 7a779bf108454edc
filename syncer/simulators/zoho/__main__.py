"""`python -m syncer.simulators.zoho`: the simulated organisation as a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.simulators import options
from syncer.simulators.zoho.app import serve
from syncer.simulators.zoho.config import Behaviour, ZohoConfig

_NO_LIMITS = {"limits": {"tokens": 0, "credits": 0, "concurrent": 0}}


def config_from(arguments: Sequence[str] | None = None) -> ZohoConfig:
    """The configuration that the command line asks for; what is not given keeps `ZohoConfig`'s default."""
    found = options.of_a_crm("zoho", "the organisation's people and plans faults")
    found.add_argument("--client-id", help="the client that may ask for tokens")
    found.add_argument("--client-secret", help="its secret")
    found.add_argument("--refresh-token", help="its refresh token")
    found.add_argument("--stamp-step", type=int, help="seconds between their last changes; 0 for one moment (1)")
    return options.configured(found, arguments, ZohoConfig, Behaviour(), _NO_LIMITS)


if __name__ == "__main__":
    serve(config_from())
