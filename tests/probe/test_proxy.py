"""A proxy only where a setting names it: absolute form for HTTP, a tunnel for HTTPS."""

from __future__ import annotations

import contextlib
import socket
import ssl
from threading import Thread

import pytest
import trustme

from gate.errors import ConfigurationError
from gate.model import FailureKind, Probe
from tests.probe.servers import OK, always, answer, endless, once

GET = Probe("GET", "/a/../b?c", provokes=True)


def tunnel(server, greeting=b"HTTP/1.1 200 Connection established\r\n\r\n"):
    """A proxy that connects every CONNECT to that server."""

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def handler(peer):
        peer.request()
        peer.send(greeting)
        with socket.create_connection(("127.0.0.1", server.port)) as onward:
            back = Thread(target=copy, args=(onward, peer.sock))
            back.start()
            copy(peer.sock, onward)
            back.join()

    return handler


@pytest.fixture
def secure(serve, tmp_path):
    """A TLS server and the CA file that it is trusted by."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return serve(always(OK), context), str(tmp_path / "ca.pem")


def test_http_goes_in_absolute_form(serve, connect):
    proxy = serve(always(OK))
    client = connect("http://target.test:8080/prefix", proxy=proxy.url)
    assert client.send(GET).status == 200
    assert proxy.requests[0].startswith(b"GET http://target.test:8080/prefix/a/../b?c HTTP/1.1\r\nHost: target.test:8080\r\n")


def test_https_goes_through_a_tunnel(serve, connect, secure):
    server, bundle = secure
    proxy = serve(tunnel(server))
    seen = connect(server, proxy=proxy.url, ca_bundle=bundle).send(Probe("GET", "/a", (("Authorization", "Bearer t"),)))
    assert seen.status == 200
    place = f"127.0.0.1:{server.port}"
    assert proxy.requests == [f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: gate/0.1.0 (run r1)\r\n\r\n".encode()]
    assert server.requests[0].startswith(b"GET /a HTTP/1.1\r\n")
    assert b"Bearer" not in proxy.requests[0]


@pytest.mark.parametrize(
    ("handler", "kind", "words"),
    [
        (once(answer(b"", "407 Proxy Authentication Required")), FailureKind.CONNECT, "refused a tunnel"),
        (once(b"garbage\r\n\r\n"), FailureKind.CONNECT, "no answer that can be used"),
        (once(b""), FailureKind.CONNECT, "no answer that can be used"),
        (once(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), FailureKind.CONNECT, "spoke before the tunnel was used"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), FailureKind.TIMEOUT, "0.5 s"),
    ],
)
def test_a_proxy_that_does_not_help(serve, connect, secure, handler, kind, words):
    server, bundle = secure
    deadline = 0.5 if kind is FailureKind.TIMEOUT else 60
    seen = connect(server, proxy=serve(handler).url, ca_bundle=bundle).send(Probe("GET", "/", deadline=deadline, provokes=True))
    assert (seen.failure.kind, words in seen.failure.detail) == (kind, True), seen.failure
    assert server.connections == 0


def test_a_proxy_that_is_not_there(connect):
    with socket.socket() as closed_port:
        closed_port.bind(("127.0.0.1", 0))
        seen = connect("http://target.test", proxy=f"http://127.0.0.1:{closed_port.getsockname()[1]}").send(GET)
    assert seen.failure.kind is FailureKind.CONNECT
    assert seen.failure.detail.startswith("no connection to the proxy 127.0.0.1:")


@pytest.mark.parametrize(
    "proxy", ["127.0.0.1:3128", "https://127.0.0.1:1", "http://u:hunter22@127.0.0.1:1", "http://127.0.0.1:1/path", "http://", ""]
)
def test_proxies_that_cannot_be_used(connect, proxy):
    with pytest.raises(ConfigurationError, match="GATE_PROXY") as error:
        connect("http://target.test", proxy=proxy)
    assert "hunter22" not in str(error.value)
