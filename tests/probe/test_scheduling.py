"""Many at once: sharing, safety classes, cancellation, and a journal that cannot be written."""

from __future__ import annotations

import signal
import socket
import threading
from time import monotonic

import pytest

from gate.errors import EvidenceError
from gate.model import FailureKind, Probe, Safety
from tests.probe.servers import OK, always, silent

TOKEN = "secret-token-0123456789"


def test_equal_probes_are_sent_once(serve, connect):
    server = serve(always(OK))
    probes = [
        Probe("GET", "/a", note="one"),
        Probe("GET", "/a", note="two", safety=Safety.DENIED, identity="x", deadline=20),
        Probe("GET", "/b"),
        Probe("GET", "/a", fresh=True),
        Probe("GET", "/a", (("X", "1"),)),
        Probe("GET", "/a", body=b""),
        Probe("HEAD", "/a"),
    ]
    seen = connect(server).send_all(probes)
    assert len(server.requests) == 6
    assert seen[0].number == seen[1].number
    assert [each.probe for each in seen][1:] == probes[1:]
    assert str(seen[1].probe) == "GET /a as x (two)"


@pytest.mark.parametrize("safety", [Safety.DRILL, Safety.BURST])
def test_equal_drills_and_bursts_are_all_sent(serve, connect, safety):
    server = serve(always(OK))
    seen = connect(server).send_all([Probe("POST", "/a", safety=safety)] * 5)
    assert len(server.requests) == len({each.number for each in seen}) == 5


def test_sixteen_are_in_flight_at_once(serve, connect):
    everyone = threading.Barrier(16)

    def handler(peer):
        while peer.request():
            everyone.wait(30)
            peer.send(OK)

    seen = connect(serve(handler)).send_all([Probe("GET", f"/{number}") for number in range(32)])
    assert [each.status for each in seen] == [200] * 32


def test_nothing_above_the_level_leaves(serve, connect):
    server = serve(always(OK))
    ledger = []
    client = connect(server, ledger.append, level=Safety.DENIED)
    probes = [Probe("GET", "/", safety=safety, fresh=True, note=safety) for safety in Safety]
    seen = client.send_all(probes) + [client.send(probe) for probe in probes]
    assert [each.failure and each.failure.kind for each in seen] == [None, None, FailureKind.BLOCKED, FailureKind.BLOCKED] * 2
    assert [each.number for each in seen if each.failure] == [0] * 4
    assert server.connections == len(ledger) == 3
    assert client.counts == {Safety.READ: 2, Safety.DENIED: 1, Safety.DRILL: 0, Safety.BURST: 0}


def test_cancelling_while_all_hang(serve, connect):
    server = serve(silent)
    ledger = []
    client = connect(server, ledger.append)
    probes = [Probe("GET", f"/{number}", deadline=300) for number in range(40)]
    results = []
    sender = threading.Thread(target=lambda: results.extend(client.send_all(probes)))
    sender.start()
    server.wait_for(lambda: len(server.requests) == 16)
    client.cancel()
    sender.join(10)
    assert not sender.is_alive()
    assert [each.failure.kind for each in results] == [FailureKind.INTERRUPTED] * 40
    assert len(ledger) == 16
    assert client.send(Probe("GET", "/")).failure.kind is FailureKind.INTERRUPTED
    assert server.connections == 16


def test_cancelling_while_connecting(connect):
    """A listener whose queue is full leaves the connection hanging."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as one, socket.socket() as two:
        for sock in (one, two):
            sock.settimeout(0)
            sock.connect_ex(full.getsockname())
        client = connect(f"http://127.0.0.1:{full.getsockname()[1]}")
        results = []
        sender = threading.Thread(target=lambda: results.append(client.send(Probe("GET", "/", deadline=300))))
        sender.start()
        while not client._pool._live:
            assert sender.is_alive()
        client.cancel()
        sender.join(10)
    assert results
    assert results[0].failure.kind is FailureKind.INTERRUPTED


def signalling(number):
    """A server that answers a request with a signal to the main thread."""

    def handler(peer):
        peer.request()
        signal.pthread_kill(threading.main_thread().ident or 0, number)
        peer.gone()

    return handler


@pytest.mark.parametrize("many", [True, False])
def test_cancelling_from_a_signal_handler(serve, connect, many):
    """The handler runs on top of whatever the main thread is doing: it must find no lock held."""
    client = connect(serve(signalling(signal.SIGUSR1)))
    before = signal.signal(signal.SIGUSR1, lambda *_: client.cancel())
    try:
        probe = Probe("GET", "/", deadline=300)
        seen = client.send_all([probe]) if many else [client.send(probe)]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen[0].failure.kind is FailureKind.INTERRUPTED
    assert seen[0].number == 1


@pytest.mark.parametrize("many", [True, False])
def test_ctrl_c_ends_the_wait_and_the_request_is_in_the_ledger(serve, connect, many):
    ledger = []
    client = connect(serve(signalling(signal.SIGINT)), ledger.append)
    probe = Probe("GET", "/", deadline=5 if many else 300)
    with pytest.raises(KeyboardInterrupt):
        _ = client.send_all([probe]) if many else client.send(probe)
    client.cancel()
    end = monotonic() + 30
    while not ledger and monotonic() < end:  # the worker of send_all ends a moment later
        pass
    assert [each.failure.kind for each in ledger] == [FailureKind.INTERRUPTED]


@pytest.mark.parametrize("many", [True, False])
def test_without_evidence_nothing_more_is_sent(serve, connect, many):
    server = serve(always(OK))
    lines = []

    def journal(seen):
        lines.append(seen)
        if len(lines) == 3:
            raise EvidenceError("the disk is full")

    client = connect(server, journal, concurrency=1)
    probes = [Probe("GET", f"/{number}") for number in range(10)]
    with pytest.raises(EvidenceError, match="disk is full"):
        _ = client.send_all(probes) if many else [client.send(probe) for probe in probes]
    assert len(server.requests) == 3
    for send in (lambda: client.send(probes[0]), lambda: client.send_all(probes), lambda: client.send_all([])):
        with pytest.raises(EvidenceError, match="disk is full"):
            send()
    assert len(server.requests) == 3


def test_a_full_disk_ends_what_hangs(serve, connect):
    server = serve(lambda peer: always(OK)(peer) if peer.number == 0 else silent(peer))

    def journal(seen):
        server.wait_for(lambda: len(server.requests) == 4)
        raise EvidenceError(f"the disk is full at {seen.number}")

    start = monotonic()
    with pytest.raises(EvidenceError, match="disk is full"):
        connect(server, journal, concurrency=4).send_all([Probe("GET", f"/{number}", deadline=300) for number in range(4)])
    assert monotonic() - start < 60


def test_each_observation_is_reported_before_its_worker_sends_again(serve, connect):
    server = serve(always(OK))
    reported = []

    def journal(seen):
        assert len(server.requests) == len(reported) + 1
        reported.append(seen)

    connect(server, journal, concurrency=1).send_all([Probe("GET", f"/{number}") for number in range(20)])
    assert len(reported) == 20


def test_no_secret_is_in_any_text(serve, connect):
    client = connect(serve(always(b"HTTP/1.1 " + TOKEN.encode() + b"\r\n\r\n")))
    probe = Probe("POST", "/", (("Authorization", f"Bearer {TOKEN}"),), TOKEN.encode(), provokes=True)
    seen = client.send(probe)
    assert TOKEN in seen.sent.decode()
    for value in (probe, seen, seen.failure, client, client._compose(probe), client._pool, client._budget, client.identity):
        assert TOKEN not in repr(value) + str(value)


def test_what_is_not_merged_is_all_sent(serve, connect):
    server = serve(always(OK))
    seen = connect(server).send_all([Probe("GET", "/a")] * 3, merged=False)
    assert len(server.requests) == len({each.number for each in seen}) == 3


def test_writes_go_one_at_a_time_and_reads_beside_them(serve, connect):
    reading, writing = threading.Event(), threading.Lock()

    def handler(peer):
        while request := peer.request():
            if request.startswith(b"GET"):
                reading.set()
            else:
                assert writing.acquire(blocking=False)
                assert reading.wait(30)
                writing.release()
            peer.send(OK)

    probes = [*(Probe("POST", "/", safety=Safety.DRILL) for _ in range(4)), Probe("GET", "/")]
    assert [each.status for each in connect(serve(handler)).send_all(probes)] == [200] * 5


def test_who_has_the_turn_to_write_does_not_wait_for_himself(serve, connect):
    client = connect(serve(always(OK)))
    write = Probe("POST", "/", safety=Safety.DRILL)
    with client.turn:
        assert client.send(write).status == 200
        assert client.send_all([Probe("GET", "/")])[0].status == 200
        with pytest.raises(ValueError, match="turn"):
            client.send_all([write])
    assert client.send_all([write])[0].status == 200
