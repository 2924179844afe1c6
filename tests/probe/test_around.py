"""One request in the middle of another's body."""

from __future__ import annotations

import socket
import threading

import pytest

from gate.model import FailureKind, Probe, Safety
from tests.probe.servers import OK, always

WRITE = Probe("POST", "/write", body=b"0123456789", safety=Safety.DRILL, identity="qa")
READ = Probe("GET", "/read", identity="viewer")


def test_the_inner_one_is_answered_before_the_outer_one_is_whole(serve, connect):
    order = []

    def handler(peer):
        while request := peer.request():
            order.append(request.split(b" ")[1])
            peer.send(OK)

    server = serve(handler)
    outer, inner = connect(server).send_around(WRITE, READ)
    assert (outer.status, inner.status) == (200, 200)
    assert order == [b"/read", b"/write"]
    assert server.requests[1].endswith(b"\r\n\r\n0123456789"), "the body comes whole, and once"


def test_a_service_that_does_one_thing_at_a_time_is_not_waited_for_in_vain(serve, connect):
    one = threading.Lock()

    def handler(peer):
        with one:
            while peer.request():
                peer.send(OK)
                return

    outer, inner = connect(serve(handler)).send_around(WRITE, READ)
    assert (outer.status, inner.status) == (200, 200)


def test_with_one_request_at_a_time_both_are_sent(serve, connect):
    outer, inner = connect(serve(always(OK)), concurrency=1).send_around(WRITE, READ)
    assert (outer.status, inner.status) == (200, 200)


def test_an_outer_one_that_cannot_be_sent_does_not_keep_the_inner_one_back(connect):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        outer, inner = connect(f"http://127.0.0.1:{nobody.getsockname()[1]}").send_around(WRITE, READ)
    assert outer.failure is not None
    assert inner.failure is not None
    assert (outer.failure.kind, inner.failure.kind) == (FailureKind.CONNECT, FailureKind.CONNECT)


def test_one_that_may_not_leave_leaves_nothing_of_itself(serve, connect):
    server = serve(always(OK))
    outer, inner = connect(server, level=Safety.READ).send_around(WRITE, READ)
    assert (outer.failure is not None, inner.status, len(server.requests)) == (True, 200, 1)


def test_what_the_ledger_refuses_is_raised(serve, connect):
    def full(seen):
        if seen.probe is READ:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        connect(serve(always(OK)), full).send_around(WRITE, READ)


def test_each_is_told_of_once(serve, connect):
    told = []
    outer, inner = connect(serve(always(OK)), told.append).send_around(WRITE, READ)
    assert sorted(seen.number for seen in told) == sorted([outer.number, inner.number]) == [1, 2]
