"""What goes on the wire: exactly the probe, and nothing that it did not ask for."""

from __future__ import annotations

import pytest

from gate.model import Probe
from tests.probe.servers import OK, always, once


def head(request: bytes) -> list[str]:
    return request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


def test_a_plain_request_byte_by_byte(serve, connect):
    server = serve(always(OK))
    seen = connect(server).send(Probe("GET", "/a?b=c", (("Authorization", "Bearer t"),)))
    expected = (
        f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: gate/0.1.0 (run r1)\r\nX-Request-ID: r1-1\r\n"
        "Accept: */*\r\nAccept-Encoding: identity\r\nAuthorization: Bearer t\r\n\r\n"
    ).encode()
    assert server.requests == [expected]
    assert seen.sent == expected
    assert seen.request_id == "r1-1"


@pytest.mark.parametrize(
    "target",
    [
        "/../x",
        "/a/./b/../c",
        "/%61dmin",
        "//x//y",
        "/x?",
        "/x??a&&",
        "/x#f",
        "/x;y=1",
        "/\xe9",
        "/a b",
        "*",
        "http://127.0.0.1:9/x",
        "/%2e%2E/",
    ],
)
def test_targets_are_not_normalised(serve, connect, target):
    server = serve(always(OK))
    assert connect(server).send(Probe("GET", target)).status == 200
    assert head(server.requests[0])[0] == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize(
    "headers",
    [
        (("Authorization", "Bearer "),),
        (("X-API-Key", ""),),
        (("Authorization", "Bearer a"), ("Authorization", "Bearer b")),
        (("authorization", "bearer  a\t"),),
        (("X_API_Key", "\xe9\xff"),),
        (("Cookie", "a=b"), ("Cookie", "c=d")),
    ],
)
def test_headers_are_sent_in_order_and_unchanged(serve, connect, headers):
    server = serve(always(OK))
    connect(server).send(Probe("GET", "/", headers))
    assert head(server.requests[0])[-len(headers) :] == [f"{name}: {value}" for name, value in headers]


@pytest.mark.parametrize("name", ["Host", "User-Agent", "Accept", "Accept-Encoding", "X-Request-ID", "host", "x-request-id"])
def test_a_probe_replaces_our_header_by_its_own(serve, connect, name):
    server = serve(always(OK))
    seen = connect(server).send(Probe("GET", "/", ((name, "a/?x="),)))
    assert [line for line in head(server.requests[0]) if line.lower().startswith(name.lower() + ":")] == [f"{name}: a/?x="]
    assert (seen.request_id == "a/?x=") is (name.lower() == "x-request-id")


@pytest.mark.parametrize(
    ("method", "body", "length"), [("POST", b"{}", "2"), ("POST", None, "0"), ("PUT", b"", "0"), ("PATCH", None, "0"), ("GET", b"x", "1")]
)
def test_content_length(serve, connect, method, body, length):
    server = serve(always(OK))
    connect(server).send(Probe(method, "/", body=body))
    assert f"Content-Length: {length}" in head(server.requests[0])
    assert server.requests[0].endswith(b"\r\n\r\n" + (body or b""))


def test_no_content_length_without_a_body_or_where_the_probe_frames_it_itself(serve, connect):
    server = serve(once(OK))
    client = connect(server)
    client.send(Probe("DELETE", "/", fresh=True))
    client.send(Probe("POST", "/", (("Transfer-Encoding", "chunked"),), b"0\r\n\r\n", fresh=True))
    client.send(Probe("POST", "/", (("Content-Length", "1"),), b"x", fresh=True))
    assert [request.lower().count(b"content-length") for request in server.requests] == [0, 0, 1]


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\u20ac"])
def test_a_probe_that_would_be_two_requests_is_a_programming_error(serve, connect, character):
    server = serve(always(OK))
    client = connect(server)
    for probe in (
        Probe("GET", f"/{character}"),
        Probe(f"G{character}", "/"),
        Probe("GET", "/", (("X", f"a{character}Y: b"),)),
        Probe("GET", "/", ((f"X{character}", "a"),)),
    ):
        with pytest.raises(ValueError, match=r"CR, LF or NUL|latin-1"):
            client.send(probe)
        with pytest.raises(ValueError, match=r"CR, LF or NUL|latin-1"):
            client.send_all([Probe("GET", "/fine"), probe])
    assert server.connections == 0


def test_the_base_urls_path_comes_first(serve, connect):
    server = serve(always(OK))
    client = connect(f"{server.url}/prefix/")
    client.send(Probe("GET", "/../x"))
    client.send(Probe("OPTIONS", "*"))
    assert [head(request)[0] for request in server.requests] == ["GET /prefix/../x HTTP/1.1", "OPTIONS * HTTP/1.1"]


def test_no_environment_is_trusted(serve, connect, monkeypatch, tmp_path):
    server, proxy = serve(always(OK)), serve(always(OK))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\ndefault login u password p\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert connect(server).send(Probe("GET", "/")).status == 200
    assert b"authorization" not in server.requests[0].lower()
    assert proxy.connections == 0


def test_a_cookie_is_never_sent_back(serve, connect):
    server = serve(always(OK.replace(b"\r\n", b"\r\nSet-Cookie: session=admin; Path=/\r\n", 1)))
    client = connect(server)
    assert client.send(Probe("GET", "/", identity="admin")).answer.header("set-cookie") == "session=admin; Path=/"
    client.send_all([Probe("GET", "/1", identity="admin"), Probe("GET", "/2")])
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_a_redirect_is_an_answer(serve, connect):
    server = serve(always(OK.replace(b"200 OK", b"302 Found\r\nLocation: /elsewhere")))
    assert connect(server).send(Probe("GET", "/")).status == 302
    assert len(server.requests) == 1


def test_every_request_has_a_number_and_an_id_of_its_own(serve, connect):
    server = serve(always(OK))
    client = connect(server)
    seen = client.send_all([Probe("GET", f"/{number}") for number in range(40)])
    assert sorted(each.number for each in seen) == list(range(1, 41))
    assert {each.request_id for each in seen} == {f"r1-{number}" for number in range(1, 41)}
    assert [each.probe.target for each in seen] == [f"/{number}" for number in range(40)]
    assert sum(client.counts.values()) == 40
