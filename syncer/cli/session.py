"""A command's hold on the engine: the settings, the runtime, and the bells it may ring - given back at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config import logging as our_logging
from config.settings import Settings, load
from syncer import bootstrap, services
from syncer.bootstrap import Runtime
from syncer.cli.output import Failed
from tasks.queueing import CeleryJobs


def settings() -> Settings:
    """The environment, read, and the log on stderr configured by it."""
    known = load()
    our_logging.configure(known.log_level if known.log_level == "DEBUG" else "WARNING", secrets=known.secret_values())
    return known


@contextmanager
def engine(*, rings: bool = False) -> Iterator[Runtime]:
    """The engine's parts for one command. `rings`: it wakes workers, so what it rang is published before it ends."""
    known = settings()
    where = services.locate(known)
    jobs = CeleryJobs(where.redis_url) if rings else None
    runtime = bootstrap.build(where, jobs=jobs, settings=known)
    try:
        yield runtime
    except Exception as error:
        if is_of_another_version(error):
            raise Failed("the database's schema is not this version's; run `syncer db upgrade`") from error
        raise
    finally:
        if jobs is not None:
            jobs.close()
        runtime.close()
        where.release()


#: SQLSTATE of an undefined table or column (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_UNDEFINED = ("42P01", "42703")


def is_of_another_version(error: BaseException) -> bool:
    """Whether a query failed because its table or column is not there: a database that was never, or not lately,
    upgraded."""
    return getattr(getattr(error, "orig", None), "pgcode", None) in _UNDEFINED
