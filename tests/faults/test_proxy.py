"""The proxy passes bytes on as they are, both ways, unless a fault wants it otherwise; and it always ends."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

import pytest

from faults import FAULTS, Fault, Proxy, Raw
from tests.faults.healthy import TOKENS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    "length": OK,
    "odd spelling": b"HTTP/1.1 200 Fine\r\nsERVER:  x \r\ncontent-LENGTH: 3\r\nX-A: 1\r\nX-A: 2\r\nX: \xe9\xff\r\n\r\n\x00\xff\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0A\r\n wide worl\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n',
    "no reason": b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
}
CLOSING = {
    "until the end": b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\nall that comes",
    "asked to close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
}
REQUESTS = {
    "plain": b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "raw target": b"GET //a/../%2e%2E;x=1/\xe9?q=[]{}|%00#f HTTP/1.1\r\nHost: a\r\n\r\n",
    "odd verb": b"ABC * HTTP/1.1\r\nHost: a\r\n\r\n",
    "absolute": b"GET http://other.example/x HTTP/1.1\r\nHost: other.example\r\n\r\n",
    "duplicates": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y\r\nX-API-Key: \r\n\r\n",
    "odd bytes": b"GET / HTTP/1.1\r\nhost:a\r\nAuthorization:\tBearer  gate-\xe9\xff \r\nX-Empty:\r\n\r\n",
    "body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\x00\r\n\xff",
    "chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "old": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
}
UNCLEAR = {
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "bare line ends": b"GET / HTTP/1.1\nHost: a\n\n",
    "a chunk without a size": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nz\r\n\r\n",
    "no http": b"\x16\x03\x01\x00\xa5\n\n",
}


class Service:
    """Says one thing to everyone, and keeps what it was told."""

    def __init__(self, *answers: bytes, close: bool = False, ends: Callable[[bytes], bool] = lambda data: b"\n\n" in data) -> None:
        self.answers, self.close, self.ends = answers, close, ends
        self.heard: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._start(self._talk, sock)

    def _talk(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(10)
            for answer in self.answers:
                data = b""
                while not (b"\r\n\r\n" in data or self.ends(data)):
                    more = sock.recv(65536)
                    if not more:
                        return
                    data += more
                time.sleep(0.02)
                sock.settimeout(0)
                with contextlib.suppress(BlockingIOError):
                    data += sock.recv(65536)
                sock.settimeout(10)
                self.heard.append(data)
                sock.sendall(answer)
            while not self.close and sock.recv(65536):
                pass


@contextlib.contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(proxy.authority.partition(":")[2])), timeout=10) as sock:
        yield sock


def read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def read_all(sock: socket.socket) -> bytes:
    return read(sock, 1 << 30)


def fault_of(act) -> Fault:
    return Fault("mine", "-", "-", (), "none", "baseline", (), malformed=False, act=act)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
def test_bytes_pass_as_they_are_and_the_connection_stays(request_bytes, answer):
    with Service(answer, OK) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(request_bytes)
        assert read(sock, len(answer)) == answer
        sock.sendall(b"GET /again HTTP/1.1\r\n\r\n")
        assert read(sock, len(OK)) == OK
        assert service.heard == [request_bytes, b"GET /again HTTP/1.1\r\n\r\n"]
        assert service.connections == 1
    assert (proxy.hits, proxy.failures) == (0, [])


@pytest.mark.parametrize("answer", CLOSING.values(), ids=CLOSING)
def test_a_connection_that_ends_there_ends_here(answer):
    with Service(answer, close=True) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(sock) == answer


@pytest.mark.parametrize("request_bytes", UNCLEAR.values(), ids=UNCLEAR)
def test_what_cannot_be_framed_is_passed_on_for_the_service_to_judge(request_bytes):
    refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno"
    with Service(refusal, close=True) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(request_bytes)
        assert read_all(sock) == refusal
        assert service.heard == [request_bytes]


def test_an_answer_to_head_has_no_body():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with Service(answer, OK) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
        assert read(sock, len(answer)) == answer
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(sock, len(OK)) == OK


def test_the_own_name_becomes_the_services_and_no_other_name_does():
    with Service(OK, OK) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        for host in (proxy.authority, "evil.example"):
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            read(sock, len(OK))
        names = [re.search(rb"Host: ([^\r]+)", data)[1].decode() for data in service.heard]  # type: ignore[index]
        assert names == [service.base_url.removeprefix("http://"), "evil.example"]


def test_leave_to_send_a_body_is_asked_for_and_passed_on():
    with (
        Service(b"HTTP/1.1 100 Continue\r\n\r\n", OK, ends=lambda data: b"body" in data) as service,
        Proxy(service.base_url, {}, None) as proxy,
    ):
        with connected(proxy) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            assert read(sock, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"body")
            assert read(sock, len(OK)) == OK
        assert service.heard[1] == b"body"


def test_a_body_that_is_not_wanted_is_not_asked_for():
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    with Service(refusal) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n")
        assert read_all(sock) == refusal


def test_an_idle_connection_that_the_service_closes_is_closed():
    with Service(OK, close=True) as service, Proxy(service.base_url, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(sock) == OK


def test_a_service_that_is_not_there_closes_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Proxy(address, {}, None) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(sock) == b""


def test_a_changed_answer_has_its_length_and_keeps_the_rest():
    async def shout(ask, up):
        answer = await up.send(ask)
        return answer.but(body=answer.body.upper() + b"!")

    answer = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nok"
    with Service(answer) as service, Proxy(service.base_url, {}, fault_of(shout)) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(sock, len(answer) + 1) == b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\nX-A: 1\r\nX-A: 2\r\n\r\nOK!"
    assert proxy.hits == 1


def test_a_changed_request_counts_and_reaches_the_service():
    async def as_admin(ask, up):
        return await up.as_strongest(ask)

    with Service(OK) as service, Proxy(service.base_url, TOKENS, fault_of(as_admin)) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: other\r\n\r\n")
        read(sock, len(OK))
        assert service.heard == [f"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKENS['admin']}\r\n\r\n".encode()]
    assert proxy.hits == 1


@pytest.mark.parametrize("end", ["close", "reset", "hang", "keep"])
def test_raw_bytes_and_what_follows_them(end):
    async def raw(_ask, _up):
        return Raw((b"one", 0.05, b"two"), end)

    with Service(OK) as service, Proxy(service.base_url, {}, fault_of(raw)) as proxy, connected(proxy) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read(sock, 6) == b"onetwo"
        if end == "close":
            assert sock.recv(1) == b""
        elif end == "reset":
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        else:
            sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                sock.recv(1)


def test_a_fault_that_raises_is_told_and_ends_its_connection_only():
    async def broken(ask, up):
        raise KeyError(ask.path) if ask.path == "/bad" else await _refuse(up)

    async def _refuse(_up):
        return LookupError("so is this")

    with Service(OK) as service, Proxy(service.base_url, {}, fault_of(broken)) as proxy:
        for path in ("/bad", "/other"):
            with connected(proxy) as sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
                assert read_all(sock) == b""
        assert proxy.failures == ["KeyError: '/bad'", "LookupError: so is this"]


def test_a_fault_that_asks_for_it_sees_what_cannot_be_framed():
    async def judge(ask, up):
        return up.says(ask, 200, ask.values("content-length")) if ask.malformed else await up.send(ask)

    careless = replace(fault_of(judge), malformed=True)
    with Service(OK) as service, Proxy(service.base_url, {}, careless) as proxy, connected(proxy) as sock:
        sock.sendall(UNCLEAR["two lengths"])
        assert b'["2","3"]' in read(sock, 180)
        assert service.heard == []


def test_a_client_that_leaves_while_a_fault_waits_still_counts():
    async def wait(ask, up):
        await up.sleep(60)
        return await up.send(ask)

    with Service(OK) as service, Proxy(service.base_url, {}, fault_of(wait)) as proxy:
        with connected(proxy) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            time.sleep(0.1)
        assert proxy.hits == 1


def test_latency_is_added_to_every_answer_and_twice_to_the_first():
    with Service(OK, OK) as service, Proxy(service.base_url, {}, None, latency=0.1) as proxy, connected(proxy) as sock:
        took = []
        for _ in range(2):
            start = time.monotonic()
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read(sock, len(OK))
            took.append(time.monotonic() - start)
    assert took[0] >= 0.2
    assert took[1] >= 0.1


def test_it_connects_from_the_address_that_it_was_given():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}", {}, None, source="127.0.0.9") as proxy,
        connected(proxy) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        connection, address = listener.accept()
        connection.close()
    assert address[0] == "127.0.0.9"


def test_two_proxies_with_the_same_seed_throw_the_same_dice():
    rolls = []
    for _ in range(2):
        with Service(OK) as service, Proxy(service.base_url, {}, FAULTS["flaky.five-percent-500"], seed=7) as proxy:
            rolls.append([proxy.shared.random.random() for _ in range(5)])
    assert rolls[0] == rolls[1]


def test_it_ends_with_clients_connected_and_hanging():
    async def hang(_ask, _up):
        return Raw((), "hang")

    with Service(OK) as service:
        proxy = Proxy(service.base_url, {}, fault_of(hang))
        proxy.__enter__()
        with connected(proxy) as sock, connected(proxy):
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            time.sleep(0.05)
            start = time.monotonic()
            proxy.__exit__()
        assert time.monotonic() - start < 2


def test_a_port_that_is_taken_is_an_error_here():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address already in use"):
        Proxy("http://127.0.0.1:9", {}, None, port=taken.getsockname()[1]).__enter__()
