"""New connections: every address tried, through the proxy and TLS where there are any."""

from __future__ import annotations

import contextlib
import socket
import ssl
from time import monotonic
from typing import TYPE_CHECKING

from gate.model import FailureKind
from gate.probe import tls
from gate.probe.answer import parse_head
from gate.probe.connection import Connection, Pool
from gate.probe.fault import NoAnswer
from gate.probe.origin import parse_base_url, parse_proxy
from gate.probe.resolve import Address, Resolver
from gate.probe.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.probe.settings import ClientSettings


class Dialler:
    """Opens connections to the target.

    Args:
        settings: base URL, proxy and authorities.
        pool: learns every connection before it is used.
        stopped: whether the run was cancelled.

    Raises:
        ConfigurationError: the CA bundle cannot be read.
    """

    def __init__(self, settings: ClientSettings, pool: Pool, stopped: Callable[[], bool]) -> None:
        self.origin = parse_base_url(settings.base_url)
        self._proxy = parse_proxy(settings.proxy) if settings.proxy is not None else None
        # A bundle is read even where it is not needed: a wrong path must not wait for the day when the base URL becomes https.
        context = tls.make_context(settings.ca_bundle) if settings.ca_bundle is not None or self.origin.scheme == "https" else None
        self._context = context if self.origin.scheme == "https" else None
        self._user_agent, self._pool, self._stopped = settings.user_agent, pool, stopped
        self._next = self._proxy or self.origin
        self._resolver = Resolver(self._next.host, self._next.port, stopped)
        self.address: str | None = None
        self.spkis: dict[str, None] = {}  # in the order in which they were first seen

    @property
    def absolute_form(self) -> bool:
        """Whether requests name the whole URL: plain HTTP through a proxy."""
        return self._proxy is not None and self._context is None

    def open(self, deadline: float, seconds: float) -> Connection:
        """A new connection, ready for a request.

        Args:
            deadline: on the monotonic clock.
            seconds: the whole time that was allowed.

        Raises:
            NoAnswer: DNS, CONNECT, TLS, TIMEOUT or INTERRUPTED.
        """
        connection = self._dial(deadline, seconds)
        try:
            if self._context is not None:
                if self._proxy is not None:
                    self._tunnel(connection, deadline, seconds)
                self._secure(connection, self._context, deadline, seconds)
        except BaseException:
            self._pool.discard(connection)
            raise
        return connection

    def _dial(self, deadline: float, seconds: float) -> Connection:
        addresses = self._resolver.addresses(deadline)
        problem = "no address"
        for number, address in enumerate(addresses):
            # Every address gets its share of the time: one that swallows packets must not cost the others their chance.
            share = (deadline - monotonic()) / (len(addresses) - number)
            try:
                connection = self._connect(address, share)
            except TimeoutError:
                problem = "no reply"
            except OSError as error:
                problem = (error.strerror or "failed").lower()
            else:
                self._resolver.prefer(address)
                return connection
        where = f"{'the proxy ' if self._proxy else ''}{self._next.address}"
        if monotonic() >= deadline:
            raise NoAnswer(FailureKind.TIMEOUT, f"no connection to {where} within {seconds:g} s ({problem})")
        raise NoAnswer(FailureKind.CONNECT, f"no connection to {where} ({problem})")

    def _connect(self, address: Address, seconds: float) -> Connection:
        family, place = address
        connection = Connection(socket.socket(family, socket.SOCK_STREAM))
        self._pool.add(connection)
        try:
            self._refuse_stopped()
            connection.sock.settimeout(max(seconds, 0.001))
            connection.sock.connect(place)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self._pool.discard(connection)
            raise
        connection.connected = monotonic()
        self.address = str(place[0])
        return connection

    def _refuse_stopped(self) -> None:
        """Called whenever the pool has just learnt of a socket: a cancellation that came a moment before did not reach it."""
        if self._stopped():
            raise NoAnswer(FailureKind.INTERRUPTED, "the run was interrupted")

    def _tunnel(self, connection: Connection, deadline: float, seconds: float) -> None:
        stream = Stream(connection.sock, deadline, seconds)
        place = self.origin.address
        try:
            stream.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: {self._user_agent}\r\n\r\n".encode("latin-1"))
            status, _, _ = parse_head(stream.head())
        except OSError:
            raise NoAnswer(FailureKind.CONNECT, f"the proxy {self._next.address} closed the connection") from None
        except NoAnswer as error:
            if error.kind is FailureKind.TIMEOUT:
                raise
            raise NoAnswer(FailureKind.CONNECT, f"the proxy {self._next.address} gave no answer that can be used: {error.detail}") from None
        if not 200 <= status < 300:
            raise NoAnswer(FailureKind.CONNECT, f"the proxy {self._next.address} refused a tunnel to {place} (HTTP {status})")
        if stream.buffer:
            raise NoAnswer(FailureKind.CONNECT, f"the proxy {self._next.address} spoke before the tunnel was used")

    def _secure(self, connection: Connection, context: ssl.SSLContext, deadline: float, seconds: float) -> None:
        host = self.origin.host
        plain = connection.sock
        try:
            plain.settimeout(max(deadline - monotonic(), 0.001))
            # Ragged ends are not suppressed: an answer that only the end of the stream ends could have been cut short by anybody.
            secured = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False)
            connection.sock = secured
            self._refuse_stopped()
            secured.do_handshake()
        except TimeoutError:
            raise NoAnswer(FailureKind.TIMEOUT, f"no TLS handshake with {host} within {seconds:g} s") from None
        except ssl.SSLError as error:
            raise tls.failure(error, host, self.origin.port) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "connection closed"
            raise NoAnswer(FailureKind.TLS, f"{host} ended the connection during the TLS handshake ({reason.lower()})") from None
        connection.secured = monotonic()
        if certificate := secured.getpeercert(binary_form=True):
            with contextlib.suppress(ValueError):
                self.spkis[tls.spki_sha256(certificate)] = None
