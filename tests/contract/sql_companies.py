"""Companies whose databases differ as real ones do: each a folder of `tests/data/sql_layouts`, its schema for every
database, its mapping `sql.toml`, and in `acts.toml` what its people do there."""

from __future__ import annotations

import tomllib
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from config.mapping import CrmMapping
from config.toml import read
from syncer.crm.sql.adapter import SqlCRM
from tests.contract.crm_suite import NOON

LAYOUTS = Path(__file__).parent.parent / "data" / "sql_layouts"
NAMES = ("one_flat_table", "phones_and_tags", "no_changed_at", "query_as_source", "text_and_uuid_keys")
DATABASES = ("postgresql", "sqlite", "mysql")


class Company:
    """A company's database and its people."""

    def __init__(self, layout: str, url: str, database: str) -> None:
        self.folder = LAYOUTS / layout
        self.database = database
        self.acts: dict[str, Any] = tomllib.loads((self.folder / "acts.toml").read_text(encoding="utf-8"))
        self.engine: Engine = create_engine(url)
        schema = (self.folder / f"schema.{database}.sql").read_text(encoding="utf-8")
        with self.engine.begin() as tx:
            for statement in filter(str.strip, schema.split(";")):
                tx.execute(text(statement))
        self.mapping = read(self.folder / "sql.toml", CrmMapping)
        self.crm = SqlCRM(url, self.mapping, "TW")

    def close(self) -> None:
        self.crm.close()
        self.engine.dispose()

    def does(self, act: str, at: datetime = NOON, **values: Any) -> None:
        given = {"at": f"{at:%Y-%m-%d %H:%M:%S}", "uuid": str(uuid.uuid4()), **values}
        with self.engine.begin() as tx:
            for statement in self.acts[act]:
                tx.execute(text(self._quoted(statement)), given)

    def sees(self, what: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(self._quoted(self.acts[what])), values)]

    def _quoted(self, statement: str) -> str:
        return statement if self.database == "mysql" else statement.replace("`", '"')

    def adds(self, name: str, phone: str, email: str | None = None, at: datetime = NOON) -> str:
        self.does("add", at, name=name, phone=phone, email=email or f"{name}@b.example")
        return str(self.sees("id", name=name)[0][0])

    def told(self, **how: Any) -> dict[str, dict[str, Any]]:
        rows = [row for page in self.crm.pages(None, page_size=2, **how) for row in page.rows]
        return {one.crm_id: {**one.fields, "phone": one.phone} for one in self.crm.translate(rows)}

    def digests(self) -> dict[str, bytes]:
        return {row.crm_id: row.digest for page in self.crm.pages(None, page_size=100) for row in page.rows}


def keys(company: Company, crm_id: str) -> Any:
    """A key as the company's own statements take it."""
    return int(crm_id) if crm_id.isdigit() else crm_id
