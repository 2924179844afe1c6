"""An identity's way to the target: Locust's own session, less what a load run has no use for and costs as much again.

Nothing is followed, sent twice or kept: redirects are answers, a connection that ends is a failure, and there are no cookies. A body is
read to its end but not decoded, so that a small answer cannot become a large one.
"""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import urlsplit

import gevent.socket
import gevent.ssl
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import ErrorResponse, FastHttpSession, FastResponse

LARGEST = 64 * 2**20  # bytes of an answer's body
CHUNK = 2**16
UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})
END = frozenset({14})  # the parser's number for an answer that ends too early


class Session(FastHttpSession):
    """Keeps connections open, as many as may be in flight.

    Args:
        plan: the plan's JSON.
        token: the identity's.
        request_event: where Locust is told of each request.
    """

    def __init__(self, plan: dict[str, Any], token: str, request_event: Any) -> None:
        super().__init__(
            plan["base_url"],
            request_event,
            None,
            insecure=False,
            # It is called with the authorities of a package, which would count beside those that were named.
            ssl_context_factory=lambda **_: make_context(plan["ca_bundle"]),
            network_timeout=plan["timeout_seconds"],
            connection_timeout=plan["timeout_seconds"],
            concurrency=plan["max_in_flight"],
        )
        self._http = self.client.clientpool.get_client(plan["base_url"])
        self._http.default_headers.update({"Authorization": f"Bearer {token}", "User-Agent": plan["user_agent"]})
        # Where a connection ends without an answer, the client asks again, as often as its pool is large and once more.
        self._http._connection_pool.size = -1  # noqa: SLF001 - nothing public says so
        self._prefix = urlsplit(plan["base_url"]).path
        self._seconds = plan["timeout_seconds"]

    def _build_url(self, path: str) -> str:
        return self._prefix + path

    def _send_request_safe_mode(self, method: str, url: str, payload: Any = None, headers: Any = None) -> FastResponse:
        """Without Locust's user agent, whose work is redirects, cookies and second tries. `request` calls it."""
        answer = None
        try:
            with gevent.Timeout(self._seconds):
                answer = self._http.request(method, url, payload or b"", headers)
                return Answer(answer)
        except (Exception, gevent.Timeout) as error:  # noqa: BLE001 - whatever a target makes the client do is its answer
            return NoAnswer(error, answer)


def make_context(ca_bundle: str | None) -> gevent.ssl.SSLContext:
    """As in gate/probe/tls.py, of which nothing is imported here."""
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = gevent.ssl.TLSVersion.TLSv1_2
    context.load_default_certs() if ca_bundle is None else context.load_verify_locations(cafile=ca_bundle)
    return context


class Answer(FastResponse):
    """One that came whole. Its body is counted, not kept."""

    content = b""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer)
        self.size, self.wrong = 0, ""
        try:
            while chunk := answer.read(CHUNK):
                self.size += len(chunk)
                if self.size > LARGEST:
                    raise ValueError(f"the body has more than {LARGEST} bytes")
        finally:
            answer.release()


class NoAnswer(ErrorResponse):
    """None, or none that came whole: then it has a status. `wrong` is one word for it, never a text of the target's."""

    def __init__(self, error: BaseException, answer: Any) -> None:
        super().__init__(None, None)  # type: ignore[arg-type]  # nobody asks what was asked
        self._response, self.size, self.wrong = answer, 0, word(error)

    def raise_for_status(self) -> None:
        """Nothing: `wrong` says it."""


def word(error: BaseException) -> str:
    """What made the client give up: timeout, tls, connect, closed or unreadable."""
    if isinstance(error, gevent.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, gevent.ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionRefusedError | gevent.socket.gaierror) or getattr(error, "errno", None) in UNREACHABLE:
        return "connect"
    ended = isinstance(error, OSError | HTTPConnectionClosed) or (isinstance(error, HTTPParseError) and END.issuperset(error.args[1:]))
    return "closed" if ended else "unreadable"
