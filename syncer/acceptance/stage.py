"""The scenery of a play - the tour, the scenario of every CRM: fresh databases, generated secrets, a simulated
platform, and the engine's own processes.

Nothing here touches what a real installation in the same checkout has stored: databases, Redis database and beat's
memory are the play's own.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, text

from config import files
from config.errors import ConfigurationError
from config.settings import PACKAGED_FILES, Settings, load
from syncer import bootstrap
from syncer.acceptance import processes
from syncer.acceptance.platform import SimulatedPlatform
from syncer.acceptance.processes import Supervisor
from syncer.bootstrap import Runtime
from syncer.domain.errors import Refused
from syncer.embedded import servers as embedded
from syncer.embedded.locks import FileLock
from syncer.embedded.servers import Servers
from syncer.ports import Jobs
from syncer.services import Services
from syncer.store import schema

ROOT = Path(__file__).resolve().parents[2]
COMPANY = "Formosa Tea Co."
SIMULATOR = "whatsapp-simulator"
#: A number with more than 100,000 customers a day: the platform's upgrade to 1,000 messages/s (throughput page).
THROUGHPUT = 1000
#: Kinds of the Procfile, in the order in which they are started, with how many of each.
FIRST = {"web": 1, "sync": 1, "realtime": 2, "crm": 1, "send": 1}
AFTERWARDS = {"beat": 1, "flower": 1, "console": 1}


@dataclass(frozen=True)
class Doors:
    """What only a door can give: bells to ring, and a broker to empty. Both take the broker's address."""

    jobs: Callable[[str], Jobs]
    empty_broker: Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """Where the listening processes are, and which of them had to give way to somebody else's. `crm` is that of a
    simulated CRM, where one plays."""

    web: int
    console: int
    flower: int
    simulator: int
    crm: int
    moved: tuple[str, ...] = ()


Variables = Callable[[Ports, str], Mapping[str, str]]
"""Variables of the environment, from the ports and the address of the company's database."""


def _as_usual(ports: Ports, crm_url: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Play:
    """What is played. Its lock, folder and databases bear its `name`, so that two plays in one home keep apart;
    `redis_database` is its own too (0 is a real installation's). `logs` is a folder of the home; `variables` stand
    over the usual ones."""

    name: str
    redis_database: int
    logs: str
    variables: Variables = _as_usual


DEMO = Play("demo", 1, "logs")


@dataclass
class Stage:
    """Everything that the tour plays on. Made by `Stage.open` within an `ExitStack` that takes it down again."""

    home: Path
    servers: Servers
    ports: Ports
    environment: dict[str, str]
    settings: Settings
    supervisor: Supervisor
    runtime: Runtime
    platform: SimulatedPlatform
    crm: Engine
    #: Which processes should run.
    cast: set[str] = field(default_factory=set)
    #: Of those that listen: the port, and a page that is there when they are ready.
    pages: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def addresses(self) -> dict[str, str]:
        """Where a person can look, by name."""
        return {
            "Dashboard": f"{self.url(self.ports.console)}  any user, password {self.environment['CONSOLE_PASSWORD']}",
            "Flower": f"{self.url(self.ports.flower)}  {self.environment['FLOWER_BASIC_AUTH']}",
            "API docs": self.url(self.ports.web, "/api/v1/docs"),
            "Health, metrics": f"{self.url(self.ports.web, '/readyz')}  /metrics",
            "WhatsApp (simulated)": f"{self.platform.url}/_sim/",
        }

    def url(self, port: int, path: str = "/") -> str:
        """An address on this machine."""
        return f"http://127.0.0.1:{port}{path}"


def open_servers(home: Path, stack: ExitStack, play: Play = DEMO) -> Servers:
    """Embedded PostgreSQL and Redis, and the certainty that nobody else plays this in this home. Raises `Refused`."""
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / f"{play.name}.lock")
    if not lock.try_exclusive():
        lock.close()
        raise Refused(f"a {play.name} is running in {home} already")
    stack.callback(lock.close)
    share = embedded.acquire(home)
    stack.callback(_release, share, home)
    return share


def _release(share: Servers, home: Path, patience: float = 5.0) -> None:
    """Give up our share and wait for the servers' end, unless somebody else still uses them."""
    share.release()
    deadline = time.monotonic() + patience
    while embedded.status(home).guardian is not None and time.monotonic() < deadline:
        time.sleep(0.05)


def open_stage(home: Path, share: Servers, doors: Doors, stack: ExitStack, play: Play = DEMO) -> Stage:
    """Fresh databases, secrets and ports, and a supervisor that has nothing to do yet."""
    engine_url, crm_url = (_fresh_database(share, f"{play.name}_{part}") for part in ("engine", "crm"))
    redis_url = f"{share.redis_url.rpartition('/')[0]}/{play.redis_database}"
    doors.empty_broker(redis_url)
    ports = _choose_ports()
    folder = home / play.name
    folder.mkdir(exist_ok=True)
    for memory in folder.glob("beat-schedule*"):
        memory.unlink()
    ours = {**_variables(folder, engine_url, redis_url, crm_url, ports), **play.variables(ports, crm_url)}
    settings = load(ours)
    environment = processes.environment(ours)
    _leave_note(environment_file(home, play), ours)
    supervisor = Supervisor(environment, ROOT, home / play.logs)
    stack.callback(supervisor.stop)
    runtime = bootstrap.build(Services(engine_url, redis_url), jobs=doors.jobs(redis_url), settings=settings)
    stack.callback(runtime.close)
    platform = SimulatedPlatform(settings.whatsapp.api_url)
    stack.callback(platform.close)
    crm = create_engine(crm_url)
    stack.callback(crm.dispose)
    return Stage(home, share, ports, environment, settings, supervisor, runtime, platform, crm)


def _fresh_database(share: Servers, name: str) -> str:
    administrator = create_engine(share.database_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text(f'drop database if exists "{name}" with (force)'))
    administrator.dispose()
    return embedded.create_database(share, name)


def _choose_ports() -> Ports:
    wanted = {"web": 8000, "console": 8001, "flower": 5555, "simulator": 8090, "crm": 8091}
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        chosen[name] = processes.free_port(port, chosen.values())
    moved = tuple(f"{name} on {chosen[name]}, {port} is taken" for name, port in wanted.items() if chosen[name] != port)
    return Ports(**chosen, moved=moved)


def _variables(folder: Path, engine_url: str, redis_url: str, crm_url: str, ports: Ports) -> dict[str, str]:
    """The play's environment; secrets are new each time."""
    return {
        "DATABASE_URL": engine_url,
        "REDIS_URL": redis_url,
        "SYNCER_HOME": str(folder),
        "SYNCER_CONFIG": str(PACKAGED_FILES),
        "SYNCER_SECRET_KEY": Fernet.generate_key().decode(),
        "SYNCER_PUBLIC_URL": f"http://127.0.0.1:{ports.web}",
        "PORT": str(ports.web),
        "CONSOLE_PORT": str(ports.console),
        "FLOWER_PORT": str(ports.flower),
        "WHATSAPP_API_URL": f"http://127.0.0.1:{ports.simulator}",
        "WHATSAPP_ACCESS_TOKEN": secrets.token_urlsafe(24),
        "WHATSAPP_APP_SECRET": secrets.token_hex(16),
        "WHATSAPP_VERIFY_TOKEN": secrets.token_urlsafe(12),
        "WHATSAPP_BUSINESS_ACCOUNT_ID": "102290129340398",
        "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
        "WHATSAPP_TIER": "enterprise",
        "CRM": "sql",
        "CRM_DATABASE_URL": crm_url,
        "DEFAULT_REGION": "TW",
        "COMPANY_NAME": COMPANY,
        "FLOWER_BASIC_AUTH": f"demo:{secrets.token_urlsafe(9)}",
        "CONSOLE_PASSWORD": secrets.token_urlsafe(9),
    }


def environment_file(home: Path, play: Play = DEMO) -> Path:
    """Where the play's environment can be read."""
    return home / play.name / "environment"


def _leave_note(path: Path, ours: dict[str, str]) -> None:
    """The play's environment as a file, so that `set -a; . FILE` lets any command look at it."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}='{value}'\n" for name, value in ours.items()), encoding="utf-8")


def start_platform(stage: Stage) -> None:
    """The simulator, with the starter catalogue (R13) approved on it."""
    catalogue = files.load_templates(PACKAGED_FILES)
    payloads = [
        catalogue.listed_payload(template.name, language, COMPANY)
        for template in catalogue.templates
        for language in template.languages
    ]
    seeds = Path(stage.environment["SYNCER_HOME"]) / "templates.json"
    seeds.write_text(json.dumps(payloads), encoding="utf-8")
    whatsapp = stage.environment
    # With an equals sign: a made-up secret may begin with a dash.
    command = (
        f"'{sys.executable}' -m syncer.simulators.whatsapp --port {stage.ports.simulator} --templates '{seeds}'"
        f" --callback-url http://127.0.0.1:{stage.ports.web}/webhooks/whatsapp --throughput {THROUGHPUT}"
        f" --access-token={whatsapp['WHATSAPP_ACCESS_TOKEN']} --app-secret={whatsapp['WHATSAPP_APP_SECRET']}"
        f" --verify-token={whatsapp['WHATSAPP_VERIFY_TOKEN']} --waba-id {whatsapp['WHATSAPP_BUSINESS_ACCOUNT_ID']}"
        f" --phone-number-id {whatsapp['WHATSAPP_PHONE_NUMBER_ID']}"
    )
    start_simulator(stage, SIMULATOR, stage.ports.simulator, command)


def start_simulator(stage: Stage, name: str, port: int, command: str) -> None:
    """A simulator's process. It is not started again: all that it knew would be gone."""
    stage.supervisor.start(name, command, restarts=False)
    stage.cast.add(name)
    stage.pages[name] = (port, "/_sim/")


def start_engine(stage: Stage, kinds: dict[str, int]) -> None:
    """Processes as the Procfile says; several of a kind are numbered."""
    procfile = ROOT / "Procfile"
    if not procfile.exists():
        raise ConfigurationError("Procfile", f"is not in {ROOT}; this runs in a checkout of the repository")
    commands = processes.read_procfile(procfile)
    listening = {"web": stage.ports.web, "console": stage.ports.console, "flower": stage.ports.flower}
    for kind, count in kinds.items():
        for name in [kind] if count == 1 else [f"{kind}.{number}" for number in range(1, count + 1)]:
            stage.supervisor.start(name, commands[kind])
            stage.cast.add(name)
            if name in listening:
                stage.pages[name] = (listening[name], "/readyz" if name == "web" else "/")


def migrate(stage: Stage) -> None:
    """`syncer db upgrade`, in this process."""
    schema.upgrade(stage.runtime.store)
