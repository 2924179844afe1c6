"""What comes back: whole answers, and failures for everything that is not one."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib

import pytest

from gate.model import FailureKind, Inconclusive, Probe
from tests.probe.servers import OK, always, answer, endless, once

GET = Probe("GET", "/", deadline=20.0, provokes=True)
"""Not repeated, so that each test sees one attempt."""


def test_an_answer_field_by_field(serve, connect):
    body = b'{"a": 1.10}'
    server = serve(always(answer(body, "201 Made", "Content-Type: application/json; charset=utf-8", "X-A: 1", "x-a:  2 ")))
    seen = connect(server).send(GET)
    assert (seen.status, seen.answer.version, seen.media_type, str(seen.json()["a"])) == (201, "HTTP/1.1", "application/json", "1.10")
    assert seen.answer.header_values("X-A") == ["1", "2"]
    assert seen.answer.raw == seen.answer.body == body
    assert seen.answer.sha256 == hashlib.sha256(body).hexdigest()
    assert 0 < seen.timing.connect <= seen.timing.first_byte <= seen.timing.total
    assert seen.timing.tls is None
    assert seen.started_at.endswith("Z")
    assert len(seen.started_at) == len("2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("sent", "body", "reused"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
            b"abc0123456789",
            True,
        ),
        (b"HTTP/1.1 200\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", b"abc", True),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"",
            True,
        ),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", b"x", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (b"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"", False),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", b"", False),
        (b"HTTP/1.1 999 \xff\xfe\r\nContent-Length: 0\r\n\r\n", b"", True),
    ],
)
def test_answers_that_are_fine(serve, connect, sent, body, reused):
    server = serve(always(sent))
    client = connect(server)
    first, second = client.send(GET), client.send(GET)
    assert (first.answer.body, second.answer.body) == (body, body)
    assert (second.timing.connect is None) is reused
    assert server.connections == (1 if reused else 2)


def test_a_body_without_a_length_ends_with_the_connection(serve, connect):
    for version in (b"1.0", b"1.1"):
        seen = connect(serve(once(b"HTTP/" + version + b" 200 OK\r\n\r\nabc"))).send(GET)
        assert seen.answer.body == b"abc"


def test_head_has_no_body_whatever_its_length_says(serve, connect):
    server = serve(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n"))
    client = connect(server)
    assert [client.send(Probe("HEAD", "/")).answer.body for _ in range(2)] == [b"", b""]
    assert server.connections == 1


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: "
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MANY = b"".join(b"X-%d: y\r\n" % number for number in range(101))


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", FailureKind.RESET),
        (b"HTTP/1.1 200", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FailureKind.RESET),
        (LENGTH + b"10\r\n\r\nabc", FailureKind.RESET),
        (CHUNKED + b"5\r\nab", FailureKind.RESET),
        (CHUNKED + b"3\r\nabc\r\n", FailureKind.RESET),
        (CHUNKED + b"3\r\nabc\r\n0\r\n", FailureKind.RESET),
        (b"garbage\r\n\r\n", FailureKind.PROTOCOL),
        (b"<html>an HTTP/0.9 page</html>", FailureKind.PROTOCOL),
        (b"HTTP/2 200 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 20 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 2000 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 +20 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1200 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"\x16\x03\x01\x02\x00\x01", FailureKind.PROTOCOL),
        (LENGTH + b"3\r\nContent-Length: 4\r\n\r\nabcd", FailureKind.PROTOCOL),
        (LENGTH + b"3, 4\r\n\r\nabcd", FailureKind.PROTOCOL),
        (LENGTH + b"-1\r\n\r\n", FailureKind.PROTOCOL),
        (LENGTH + b"+3\r\n\r\nabc", FailureKind.PROTOCOL),
        (LENGTH + b"\r\n\r\nabc", FailureKind.PROTOCOL),
        (LENGTH + b"0x3\r\n\r\nabc", FailureKind.PROTOCOL),
        (LENGTH + b"\xb2\r\n\r\nabc", FailureKind.PROTOCOL),
        (LENGTH + b"3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FailureKind.PROTOCOL),
        (CHUNKED + b"x\r\n", FailureKind.PROTOCOL),
        (CHUNKED + b"-1\r\n", FailureKind.PROTOCOL),
        (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", FailureKind.PROTOCOL),
        (CHUNKED + b"3;" + b"x" * 2000 + b"\r\nabc\r\n0\r\n\r\n", FailureKind.PROTOCOL),
        (CHUNKED + b"0\r\n" + MANY + b"\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: y\rContent-Length: 0\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n: y\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n" + MANY + b"\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + OK, FailureKind.PROTOCOL),
        (LENGTH + b"99999999999\r\n\r\n", FailureKind.TOO_LARGE),
        (CHUNKED + b"ffffffffffffffff\r\n", FailureKind.TOO_LARGE),
    ],
)
def test_answers_that_are_none(serve, connect, sent, kind):
    seen = connect(serve(once(sent))).send(GET)
    assert seen.response is None
    assert seen.failure.kind is kind, seen.failure
    assert seen.failure.detail.isprintable()
    with pytest.raises(Inconclusive):
        _ = seen.status


@pytest.mark.parametrize(
    ("beginning", "piece", "pause", "kinds"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.02, {FailureKind.TIMEOUT}),
        (LENGTH + b"100000\r\n\r\n", b"y", 0.02, {FailureKind.TIMEOUT}),
        (CHUNKED, b"1\r\nx\r\n", 0.02, {FailureKind.TIMEOUT}),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y", 0.02, {FailureKind.TIMEOUT}),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.2, {FailureKind.TIMEOUT}),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 65536, 0.0, {FailureKind.TOO_LARGE}),
        (CHUNKED, b"10000\r\n" + b"y" * 65536 + b"\r\n", 0.0, {FailureKind.TOO_LARGE}),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.0, {FailureKind.PROTOCOL}),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, 0.0, {FailureKind.PROTOCOL}),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 1000, 0.0, {FailureKind.PROTOCOL}),
        (CHUNKED, b"1\r\nx\r\n" * 1000, 0.0, {FailureKind.TOO_LARGE}),
    ],
)
def test_answers_that_never_end(serve, connect, beginning, piece, pause, kinds):
    limit, deadline = (4_000_000, 0.7) if pause else (200_000, 60.0)
    seen = connect(serve(endless(beginning, piece, pause))).send(Probe("GET", "/", deadline=deadline, provokes=True, body_limit=limit))
    assert seen.failure.kind in kinds, seen.failure
    assert seen.timing.total < (5 if pause else 60)


def test_a_reset_in_mid_body(serve, connect):
    def handler(peer):
        peer.request()
        peer.send(LENGTH + b"10\r\n\r\nabc")
        peer.reset()

    assert connect(serve(handler)).send(GET).failure.kind is FailureKind.RESET


def test_a_refusal_is_read_even_though_the_body_was_not(serve, connect):
    """A server that answers 413 and hangs up while the request is still being written."""

    def handler(peer):
        peer.sock.recv(1000)
        peer.send(answer(b"", "413 Content Too Large", "Connection: close"))
        peer.sock.shutdown(1)
        peer.gone()

    seen = connect(serve(handler)).send(Probe("POST", "/", body=b"x" * 8_000_000, provokes=True))
    assert seen.status == 413


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda data: gzip.compress(data[:2], mtime=0) + gzip.compress(data[2:], mtime=0)),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_content_codings(serve, connect, coding, encode):
    body = json.dumps({"x": list(range(1000))}).encode()
    sent = encode(body)
    seen = connect(serve(always(answer(sent, "200 OK", f"Content-Encoding: {coding}", "Content-Type: application/json")))).send(GET)
    assert (seen.answer.raw, seen.answer.body) == (sent, body)
    assert seen.answer.sha256 == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-4]),
        ("gzip", gzip.compress(b"x", mtime=0) + b"rest"),
        ("gzip", gzip.compress(b"", mtime=0) * 1000),
        ("deflate", zlib.compress(b"x") + b"rest"),
        ("deflate", b"\xff\xff\xff"),
        ("br", b"anything"),
        ("gzip, gzip, gzip, gzip", gzip.compress(b"x", mtime=0)),
    ],
)
def test_bodies_that_cannot_be_decoded(serve, connect, coding, sent):
    seen = connect(serve(always(answer(sent, "200 OK", f"Content-Encoding: {coding}")))).send(GET)
    assert seen.failure.kind is FailureKind.PROTOCOL


def test_an_unknown_coding_that_was_asked_for_is_left_as_it_is(serve, connect):
    seen = connect(serve(always(answer(b"coded", "200 OK", "Content-Encoding: br")))).send(
        Probe("GET", "/", (("Accept-Encoding", "gzip, br"),))
    )
    assert seen.answer.body == b"coded"


def test_the_limit_is_exact(serve, connect):
    for sent in (
        answer(b"x" * 100),
        CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n",
        answer(gzip.compress(b"x" * 100, mtime=0), "200 OK", "Content-Encoding: gzip"),
    ):
        client = connect(serve(always(sent)))
        assert len(client.send(Probe("GET", "/", body_limit=100)).answer.body) == 100
        assert client.send(Probe("GET", "/", body_limit=99)).failure.kind is FailureKind.TOO_LARGE
