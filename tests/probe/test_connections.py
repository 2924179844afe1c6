"""Which connection a request goes over, and what happens when one turns out to be dead or poisoned."""

from __future__ import annotations

import socket
from threading import Event, Lock, Thread
from time import sleep

import pytest

from gate.model import FailureKind, Probe, Safety
from gate.probe import connection
from tests.probe.servers import OK, always, answer, in_turn, once


def test_connections_are_kept_by_identity(serve, connect):
    """Each answer names the connection that carried it."""

    def handler(peer):
        while peer.request():
            peer.send(answer(str(peer.number).encode()))

    server = serve(handler)
    client = connect(server)
    seen = [client.send(Probe("GET", "/", identity=identity)).answer.body for identity in ("a", "b", None, "a", None, "b")]
    assert seen == [b"0", b"1", b"2", b"0", b"2", b"1"]


def test_a_fresh_probe_has_a_connection_of_its_own(serve, connect):
    closed = []

    def handler(peer):
        while peer.request():
            peer.send(OK)
        closed.append(peer.number)
        peer.server.remember(b"")

    server = serve(handler)
    client = connect(server)
    assert [client.send(Probe("GET", "/", fresh=fresh)).timing.connect is None for fresh in (False, True, False)] == [False, False, True]
    server.wait_for(lambda: closed == [1])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_drill_never_goes_over_a_used_connection(serve, connect, method):
    client = connect(serve(always(OK)))
    seen = [client.send(Probe(method, "/", safety=Safety.DRILL)) for _ in range(3)]
    assert all(each.timing.connect is not None for each in seen)
    assert client.send(Probe("GET", "/")).timing.connect is None


def dies_after_its_first_answer(reset):
    """A server that takes a second request on a connection and hangs up without a word; it says so first, so that no test guesses."""

    def handler(peer):
        peer.request()
        peer.send(OK)
        if peer.number == 0:
            peer.request()
            if reset:
                peer.reset()
        else:
            always(OK)(peer)

    return handler


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("safety", [Safety.READ, Safety.DENIED, Safety.BURST])
def test_a_dead_connection_costs_one_repeat(serve, connect, reset, safety):
    server = serve(dies_after_its_first_answer(reset))
    ledger = []
    client = connect(server, ledger.append)
    client.send(Probe("GET", "/1"))
    seen = client.send(Probe("GET", "/2", safety=safety))
    assert seen.status == 200
    assert [(each.number, each.failure and each.failure.kind) for each in seen.attempts] == [(2, FailureKind.RESET)]
    assert [each.number for each in ledger] == [1, 2, 3]
    assert seen.number == 3
    assert sum(client.counts.values()) == len(server.requests) == 3


def test_a_connection_that_was_closed_while_idle_is_not_used(serve, connect):
    server = serve(once(OK))
    client = connect(server)
    client.send(Probe("GET", "/1"))
    for thread in server._threads[1:]:  # the server's end is closed when its thread is gone
        thread.join()
    seen = client.send(Probe("GET", "/2"))
    assert (seen.status, seen.attempts) == (200, ())


def test_a_connection_that_was_idle_for_long_is_not_used(serve, connect, monkeypatch):
    """The server is about to close it: a request that crosses with that end would be lost."""
    client = connect(serve(always(OK)))
    client.send(Probe("GET", "/1"))
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.0)
    seen = client.send(Probe("GET", "/2"))
    assert (seen.attempts, seen.timing.connect is None) == ((), False)


def test_bytes_after_an_answer_are_never_the_next_answer(serve, connect):
    server = serve(always(OK + answer(b"poison")))
    client = connect(server)
    assert [client.send(Probe("GET", f"/{number}")).answer.body for number in range(3)] == [b"{}"] * 3
    assert server.connections == 3


def test_an_answer_that_nobody_asked_for_is_never_the_next_answer(serve, connect):
    """The poison arrives while the connection is idle."""

    def handler(peer):
        while peer.request():
            peer.send(OK)
            if peer.number == 0:
                peer.server.poison = lambda: peer.send(answer(b"poison"))

    server = serve(handler)
    client = connect(server)
    client.send(Probe("GET", "/1"))
    server.wait_for(lambda: hasattr(server, "poison"))
    server.poison()
    assert client.send(Probe("GET", "/2")).answer.body == b"{}"
    assert server.connections == 2


def test_idle_connections_are_few(serve, connect):
    closed = []

    def handler(peer):
        while peer.request():
            peer.send(OK)
        closed.append(peer.number)
        peer.server.remember(b"")

    server = serve(handler)
    client = connect(server, concurrency=2)
    for identity in "abcdef":
        client.send(Probe("GET", "/", identity=identity))
    server.wait_for(lambda: len(closed) == 4)


def test_every_address_is_tried(serve, connect, monkeypatch):
    server = serve(always(OK))
    with socket.socket() as closed_port:
        closed_port.bind(("127.0.0.1", 0))
        places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (closed_port.getsockname(), ("127.0.0.1", server.port))]
        asked = []

        def look_up(*args, **_):
            asked.append(args)
            return places

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        client = connect(f"http://two.test:{server.port}")
        seen = client.send_all([Probe("GET", f"/{number}", fresh=True) for number in range(20)])
    assert [each.status for each in seen] == [200] * 20
    assert asked == [("two.test", server.port)]
    assert client.identity["address"] == "127.0.0.1"


def test_ipv6(connect, serve):
    try:
        server = serve(always(OK), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert connect(f"http://[::1]:{server.port}").send(Probe("GET", "/")).status == 200
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def test_nobody_listens(connect):
    with socket.socket() as closed_port:
        closed_port.bind(("127.0.0.1", 0))
        seen = connect(f"http://127.0.0.1:{closed_port.getsockname()[1]}").send(Probe("GET", "/"))
    assert seen.failure.kind is FailureKind.CONNECT
    assert seen.sent == b""
    assert len(seen.attempts) == 1


def test_a_name_that_does_not_exist(connect, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    seen = connect("http://nowhere.test").send(Probe("GET", "/"))
    assert seen.failure.kind is FailureKind.DNS
    assert seen.failure.detail == "the name nowhere.test does not resolve (Name or service not known)"


def test_a_resolver_that_hangs(connect, monkeypatch, stack):
    answers = Event()
    stack.callback(answers.set)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.wait() and [])
    seen = connect("http://slow.test").send(Probe("GET", "/", deadline=0.2, provokes=True))
    assert seen.failure.kind is FailureKind.DNS
    assert seen.timing.total < 5


def test_the_clock_skew_is_measured(serve, connect):
    client = connect(serve(in_turn(answer(b"", "200 OK", "Date: Thu, 01 Jan 1970 00:00:00 GMT"))))
    assert client.identity["clock_skew_seconds"] is None
    client.send(Probe("GET", "/"))
    assert float(str(client.identity["clock_skew_seconds"])) < -1_000_000_000


def test_each_thread_keeps_to_one_identity(serve, connect):
    """Mixed identities open hardly more connections than there are threads, and each gets its share of them."""
    server = serve(always(OK))
    client = connect(server, concurrency=4)
    seen = client.send_all([Probe("GET", f"/{number}", identity="aab"[number % 3]) for number in range(120)])
    assert [each.status for each in seen] == [200] * 120
    assert server.connections <= 8


def test_no_more_are_in_flight_than_agreed_however_many_threads_send(serve, connect):
    at_once, most, lock = 0, 0, Lock()

    def handler(peer):
        nonlocal at_once, most
        while peer.request():
            with lock:
                at_once += 1
                most = max(most, at_once)
            sleep(0.005)
            with lock:
                at_once -= 1
            peer.send(OK)

    client = connect(serve(handler), concurrency=3)
    batches = [Thread(target=client.send_all, args=([Probe("GET", f"/{name}/{number}") for number in range(12)],)) for name in range(3)]
    for thread in batches:
        thread.start()
    for thread in batches:
        thread.join(30)
    assert most == 3
