"""Database readiness (checklist, section 2), read through DATABASE_URL in a read-only transaction."""

from __future__ import annotations

import pytest

from gate.api import Database, Phase, control, require


@pytest.fixture(scope="session")
def database(t):
    return Database(t.settings.database_url)


@control(
    "DB-001",
    "Every table of the schema exists",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 2"],
    feature="database",
    why="A missing migration shows only when its feature is used.",
    mend="Apply sql/001_init.sql, or the migrations that are missing.",
)
def test_tables(database, measured, t):
    rows = database.query("select table_name from information_schema.tables where table_schema = any(current_schemas(false))")
    measured(len(rows))
    missing = sorted(set(t.profile.database.tables) - {name for (name,) in rows})
    require(not missing, "every table of the profile", f"missing: {', '.join(missing)}")


@control(
    "DB-002",
    "The drill batch is in the database that the gate was pointed at",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 2"],
    feature="database",
    why="The gate would judge a database that is not the service's.",
    mend="Check DATABASE_URL, and apply sql/002_seed.sql where the drill batch is missing.",
)
def test_drill_batch(database, measured, t):
    query = t.profile.database.batch_query or "select 1 from production_batches where batch_code = %s"
    rows = database.query(query, (t.settings.batch_code,))
    measured(1)
    require(len(rows) == 1, f"one batch {t.settings.batch_code}", f"{len(rows)}")


@control(
    "DB-003",
    "The columns that a recall follows are indexed",
    severity="medium",
    criterion="recall",
    basis="hardening",
    phase=Phase.DRILLS,
    refs=["checklist 9"],
    feature="database",
    why="Forward traces read whole tables: fast on seed data, over ten seconds after a year of production.",
    mend="Create the missing indexes (sql/001_init.sql has them).",
)
def test_recall_indexes(database, measured, t):
    rows = database.query(
        "select t.relname || '.' || a.attname from pg_index i join pg_class t on t.oid = i.indrelid"
        " join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]"
        " join pg_namespace n on n.oid = t.relnamespace"
        " where i.indisvalid and i.indpred is null and n.nspname = any(current_schemas(false))"
    )
    wanted = set(t.profile.database.indexed or [])
    measured(len(wanted))  # a profile that names none has nothing checked
    missing = sorted(wanted - {name for (name,) in rows})
    require(not missing, "an index that begins with each of those columns", f"none on {', '.join(missing)}")


@control(
    "DB-004",
    "The database itself allows one running cycle only",
    severity="medium",
    criterion="gate",
    basis="hardening",
    phase=Phase.DRILLS,
    refs=["checklist 2", "checklist 6"],
    feature="database",
    why="Two triggers at the same moment would both start a cycle; no check in the service's code can prevent that.",
    mend="Create the unique partial index (sql/001_init.sql has it).",
)
def test_unique_where(database, measured, t):
    rows = database.query(
        "select t.relname from pg_index i join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace"
        " where i.indisvalid and i.indisunique and i.indpred is not null and n.nspname = any(current_schemas(false))"
    )
    wanted = set(t.profile.database.unique_where or [])
    measured(len(wanted))  # a profile that names none has nothing checked
    missing = sorted(wanted - {name for (name,) in rows})
    require(not missing, "a unique index over some rows of each of those tables", f"none on {', '.join(missing)}")
