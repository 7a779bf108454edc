"""The company's own customer database as the scenario plays with it: a database of the embedded PostgreSQL, at the
other end of a wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.engine import make_url

from syncer.acceptance import customers, evidence
from syncer.acceptance.crm_world import CrmPerson, Kept, Outage, ReadBySync
from syncer.acceptance.customer_tables import outgoing_messages
from syncer.acceptance.engine_api import EngineApi
from syncer.acceptance.stage import Ports, Stage
from syncer.simulators.wire import Wire


class CompanyDatabase(ReadBySync):
    """`sql`: the tables that `config/mappings/sql.toml` describes."""

    def __init__(self) -> None:
        super().__init__("sql")
        self._engine: Engine | None = None
        self._administrator: Engine | None = None
        self._wire = Wire(0)

    def variables(self, ports: Ports, crm_url: str) -> Mapping[str, str]:
        """The database is reached over a wire."""
        url = make_url(crm_url)
        self._wire = Wire(url.port or 5432, ports.crm)
        return {"CRM_DATABASE_URL": url.set(port=ports.crm).render_as_string(hide_password=False)}

    def open(self, stage: Stage, contacts: int) -> None:
        """A customer table as dirty as real ones are."""
        self._engine = stage.crm
        self._wire.open()
        self._administrator = create_engine(stage.crm.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        self._name = str(stage.crm.url.database)
        customers.rebuild(stage.crm, rows=contacts)

    def begin(self, stage: Stage, api: EngineApi) -> None:
        """Nothing: the engine asks, and listens."""

    def close(self) -> None:
        """Cut the wire, close the administrator's connections."""
        self._wire.close()
        if self._administrator is not None:
            self._administrator.dispose()

    def people(self) -> list[CrmPerson]:
        """The customer table."""
        query = "select customer_id::text, concat_ws(' ', mobile, tel), coalesce(email, ''), coalesce(city, '')"
        with self._crm.connect() as connection:
            rows = connection.execute(text(f"{query} from customers where not is_deleted"))
            return [CrmPerson(*row) for row in rows]

    def move(self, cities: Mapping[str, str]) -> None:
        """One statement each, as people do."""
        change = text("update customers set city = :city, updated_at = now() where customer_id = :id")
        with self._crm.begin() as tx:
            tx.execute(change, [{"id": int(crm_id), "city": city} for crm_id, city in cities.items()])

    def messages(self) -> list[Kept]:
        """The message table."""
        query = "select ref, wamid, customer_id::text, direction, kind, body, status from whatsapp_messages"
        with self._crm.connect() as connection:
            return [Kept(*row) for row in connection.execute(text(query))]

    def handoffs(self) -> list[str]:
        """The task table."""
        return evidence.crm_tasks(self._crm)

    def reply(self, crm_id: str, phone: str, text: str) -> None:
        """A row in the table of messages to be sent."""
        row = {"customer_id": int(crm_id), "body": text, "status": "to_send", "author": "客服"}
        with self._crm.begin() as tx:
            tx.execute(insert(outgoing_messages), row)

    def slow(self, seconds: float) -> None:
        """Question and answer are on their way together for so long."""
        self._wire.latency = seconds

    def leave(self, how: Outage) -> None:
        """Answers are lost, nobody is reached, nobody is let in."""
        self._wire.answers_left = 0 if how is Outage.UNHEARD else None
        if how is Outage.REFUSED:
            self._wire.close()
        else:
            self._wire.open()
        if how is Outage.FAILING:
            self._crm.dispose()
            self._command(f'alter database "{self._name}" allow_connections false')
            self._command(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._name}'")

    def come_back(self) -> None:
        """Everybody is let in."""
        self._wire.answers_left = None
        self._wire.open()
        self._command(f'alter database "{self._name}" allow_connections true')

    def requests(self) -> Counter[str]:
        """Transactions of the database."""
        query = f"select xact_commit + xact_rollback from pg_stat_database where datname = '{self._name}'"
        assert self._administrator is not None
        with self._administrator.connect() as connection:
            return Counter(transactions=int(connection.execute(text(query)).scalar_one()))

    @property
    def _crm(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def _command(self, statement: str) -> None:
        assert self._administrator is not None
        with self._administrator.connect() as connection:
            connection.execute(text(statement))
