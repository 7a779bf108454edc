"""Where PostgreSQL and Redis are: those that the settings name, embedded ones where they name none."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Settings, load
from syncer.embedded.servers import Servers, acquire


@dataclass(frozen=True)
class Services:
    """Where PostgreSQL and Redis are. `share` keeps embedded ones running for as long as this process uses them."""

    database_url: str
    redis_url: str
    share: Servers | None = None

    def release(self) -> None:
        """This process needs them no more."""
        if self.share is not None:
            self.share.release()


def locate(settings: Settings | None = None) -> Services:
    """The servers that the settings name, and embedded ones where they name none."""
    settings = settings or load()
    database_url, redis_url = settings.database_url, settings.redis_url
    if database_url and redis_url:
        return Services(database_url, redis_url)
    share = acquire(settings.home, postgres=not database_url, redis=not redis_url)
    return Services(database_url or share.database_url, redis_url or share.redis_url, share)
