"""`python -m syncer.simulators.hubspot`: the simulated portal as a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.simulators import options
from syncer.simulators.hubspot.app import serve
from syncer.simulators.hubspot.config import Behaviour, HubSpotConfig

_NO_LIMITS = {"limits": {"burst": 0, "daily": 0, "searches": 0}}


def config_from(arguments: Sequence[str] | None = None) -> HubSpotConfig:
    """The configuration that the command line asks for; what is not given keeps `HubSpotConfig`'s default."""
    found = options.of_a_crm("hubspot", "the portal's people and plans faults")
    found.add_argument("--access-token", help="the token that requests must carry")
    found.add_argument("--client-secret", help="signs what --webhook-url is told")
    found.add_argument("--stamp-step-ms", type=int, help="between their last changes; 0 for one moment (1000)")
    found.add_argument("--webhook-url", metavar="URL", help="told of every change, as an app's webhooks tell")
    return options.configured(found, arguments, HubSpotConfig, Behaviour(), _NO_LIMITS)


if __name__ == "__main__":
    serve(config_from())
