"""The gate does no harm: what must be refused writes nothing even if it is let in, and the ledger proves what was sent."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from tests.run.forwarder import Asked, Forwarder, same


def row_counts(url: str) -> dict[str, int]:
    """Rows of every table but the audit trail, which records that somebody asked."""
    with psycopg.connect(url) as connection:
        names = [name for (name,) in connection.execute("select table_name from information_schema.tables where table_schema = 'public'")]
        return {name: count(connection, name) for name in names if name != "audit_logs"}


def count(connection: psycopg.Connection, table: str) -> int:
    """The rows of one table."""
    row = connection.execute(f'select count(*) from "{table}"').fetchone()  # noqa: S608 - the name comes from the catalogue
    assert row is not None
    return int(row[0])


def test_refused_calls_write_nothing(gate: Any, own_reference: Any) -> None:
    """A service in which every caller becomes an administrator: found, and not one row more than before."""
    open_to_all = own_reference()
    before = row_counts(open_to_all.settings["DATABASE_URL"])

    def promote(asked: Asked) -> None:
        # The preflight is answered as it should be; after it, nobody is refused any more.
        if "whoami" not in asked.target:
            asked.headers.pop("X-API-Key", None)
            asked.headers["Authorization"] = f"Bearer {open_to_all.settings['ADMIN_TOKEN']}"

    with Forwarder(open_to_all.settings["BASE_URL"], same, promote) as between:
        done = gate(open_to_all.settings | {"BASE_URL": between.base_url}, "--level", "denied")
    assert done.status == 10
    assert {key for key, outcome in done.controls.items() if key.startswith("RBAC-") and outcome == "failed"} >= {
        "RBAC-ccp-logs",
        "RBAC-automation-run-daily",
    }
    assert row_counts(open_to_all.settings["DATABASE_URL"]) == before
    assert not any("run-daily" in item["target"] for item in done.result["requests"])


def test_ledger_holds_every_request(gate: Any, reference: Any) -> None:
    """What the target saw is what the ledger says, id by id."""
    seen: list[str] = []
    with Forwarder(reference.settings["BASE_URL"], same, lambda asked: seen.append(asked.headers.get("X-Request-ID", ""))) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status == 0, done.out
    journal = [json.loads(line) for line in (done.bundle / "data" / "journal.jsonl").read_text().splitlines()]
    # The journal's own words: reports leave control characters out.
    assert sorted(seen) == sorted(line["data"]["request_id"] for line in journal if line["event"] == "observation")
    assert len(set(seen)) == len(seen)
    first_request = next(number for number, line in enumerate(journal) if line["event"] == "observation")
    plan = next(number for number, line in enumerate(journal) if line["event"] == "plan")
    assert plan < first_request
    assert {control["id"] for control in journal[plan]["data"]["controls"]} == set(done.controls)
