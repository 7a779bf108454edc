"""`python -m syncer.simulators.salesforce`: the simulated org as a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.simulators import options
from syncer.simulators.salesforce.app import serve
from syncer.simulators.salesforce.config import Behaviour, SalesforceConfig

_NO_LIMITS = {"calls_most": 0}


def config_from(arguments: Sequence[str] | None = None) -> SalesforceConfig:
    """The configuration that the command line asks for; what is not given keeps `SalesforceConfig`'s default."""
    found = options.of_a_crm("salesforce", "the org's people and plans faults")
    found.add_argument("--client-id", help="the app's consumer key")
    found.add_argument("--client-secret", help="the app's consumer secret")
    found.add_argument(
        "--public-key", type=options.text_file, metavar="FILE.pem", help="checks signed requests for tokens"
    )
    found.add_argument("--stamp-step-ms", type=int, help="between their last changes; 0 for one moment (1000)")
    found.add_argument("--message-object", action="store_true", default=None, help="the org has WA_Message__c")
    found.add_argument("--outbound-url", metavar="URL", help="told of contacts and of messages to be sent, as SOAP")
    return options.configured(found, arguments, SalesforceConfig, Behaviour(), _NO_LIMITS)


if __name__ == "__main__":
    serve(config_from())
