"""The web process: `python -m syncer.web` (webhooks, API, health)."""

from __future__ import annotations

from config.settings import Settings
from syncer import bootstrap, services
from syncer.web import app
from syncer.web.server import run, serve
from tasks.queueing import CeleryJobs


def main(settings: Settings) -> None:
    """Serve until told to stop."""
    where = services.locate(settings)
    jobs = CeleryJobs(where.redis_url)
    runtime = bootstrap.build(where, jobs=jobs, settings=settings)
    try:
        serve(app.build(runtime), settings.bind, settings.port, "PORT")
    finally:
        jobs.close()
        runtime.close()


if __name__ == "__main__":
    run(main)
