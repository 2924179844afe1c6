"""Read-only questions to the target's database. They observe what the API cannot show; they never change anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from gate.errors import ConfigurationError
from gate.model import Inconclusive

if TYPE_CHECKING:
    from psycopg import Connection, Error

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5

_SCHEME = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
Params = Sequence[Any] | Mapping[str, Any]


class Database:
    """A PostgreSQL database, connected to anew for each query.

    Args:
        url: `postgresql://user:password@host:port/name`; SQLAlchemy's `postgresql+psycopg://` means the same.

    Raises:
        ConfigurationError: it is no such URL. The message does not quote it.
    """

    def __init__(self, url: str) -> None:
        scheme = _SCHEME.match(url)
        if scheme is None:
            raise ConfigurationError(
                "the database's URL is of another kind", "postgresql://user:password@host:port/name", "Correct DATABASE_URL"
            )
        self._url = "postgresql://" + url[scheme.end() :]
        try:
            self._parts = urlsplit(self._url)
        except ValueError:
            raise ConfigurationError(
                "the database's URL cannot be read", "postgresql://user:password@host:port/name", "Correct DATABASE_URL"
            ) from None

    @property
    def password(self) -> str | None:
        """What the redactor must learn; None if the URL holds none."""
        inline = self._parts.password
        if inline is not None:
            return unquote(inline)
        return parse_qs(self._parts.query).get("password", [None])[0]

    def query(self, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement, asked in a READ ONLY transaction that is rolled back.

        Args:
            sql: one statement, with `%s` or `%(name)s` where parameters go (a literal percent sign is `%%` then).
            params: of the statement.

        Raises:
            Inconclusive: no connection within 5 s, no result within 5 s, or the database refused. One sentence, without the password.
        """
        import psycopg  # noqa: PLC0415 - not every run has a database to ask

        try:
            # The second timeout (milliseconds) is for a network that swallows packets once the connection is made.
            patience = 2000 * STATEMENT_SECONDS
            with psycopg.connect(self._url, connect_timeout=CONNECT_SECONDS, tcp_user_timeout=patience) as connection:
                return _ask(connection, sql, params)
        except psycopg.Error as error:
            raise Inconclusive(f"the database gave no answer: {self._reason(error)}") from None

    def _reason(self, error: Error) -> str:
        text = error.diag.message_primary or next(iter(str(error).splitlines()), "") or type(error).__name__
        # libpq quotes what it cannot parse, and that may be a piece of the password.
        raw = (self._parts.password or "", self.password or "")
        if any(secret and secret in text for secret in raw) or ("invalid" in text and "URI" in text):
            return f"{type(error).__name__} (its text is withheld, for it quotes the URL)"
        return "".join(character if character.isprintable() else " " for character in text)


def _ask(connection: Connection[tuple[Any, ...]], sql: str, params: Params | None) -> list[tuple[Any, ...]]:
    connection.read_only = True
    connection.execute(f"SET LOCAL statement_timeout = {1000 * STATEMENT_SECONDS}")
    # Prepared: the server refuses more than one statement, so that none can end the transaction and write in the next.
    rows = connection.execute(sql.encode(), params, prepare=True).fetchall()
    connection.rollback()
    return rows
