"""The console's process: `python -m syncer.web.console`."""

from __future__ import annotations

from config.settings import Settings
from syncer import bootstrap, services
from syncer.web.console import app
from syncer.web.server import run, serve


def main(settings: Settings) -> None:
    """Serve until told to stop. Off loopback there must be a password: the page shows customers' names."""
    settings.require_page_password("console")
    runtime = bootstrap.build(services.locate(settings), settings=settings)
    try:
        serve(app.build(runtime), settings.bind, settings.console_port, "CONSOLE_PORT")
    finally:
        runtime.close()


if __name__ == "__main__":
    run(main)
