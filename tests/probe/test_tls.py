"""TLS is always verified, and every failure says what to do."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from gate.errors import ConfigurationError
from gate.model import FailureKind, Probe
from gate.probe import tls
from tests.probe.servers import OK, always, answer, endless

GET = Probe("GET", "/", provokes=True)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def serving(certificate, minimum=None, maximum=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if maximum:
        context.minimum_version, context.maximum_version = minimum, maximum
    return context


@pytest.fixture
def good(authority):
    return authority.issue_cert("127.0.0.1", "localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_trusted_certificate(serve, connect, good, bundle, version):
    client = connect(serve(always(OK), serving(good, version, version)), ca_bundle=bundle)
    first, second = client.send(GET), client.send(GET)
    assert (first.status, second.status) == (200, 200)
    assert 0 < first.timing.connect < first.timing.tls < first.timing.first_byte < first.timing.total
    assert (second.timing.connect, second.timing.tls) == (None, None)
    key = (
        load_pem_x509_certificate(good.cert_chain_pems[0].bytes())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert client.identity["spki_sha256"] == hashlib.sha256(key).hexdigest()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_names_and_addresses_are_checked(serve, connect, good, bundle, host):
    server = serve(always(OK), serving(good))
    assert connect(f"https://{host}:{server.port}", ca_bundle=bundle).send(GET).status == 200


def test_an_unknown_authority(serve, connect, bundle):
    server = serve(always(OK), serving(trustme.CA().issue_cert("127.0.0.1")))
    for options in ({}, {"ca_bundle": bundle}):
        seen = connect(server, **options).send(GET)
        assert seen.failure.kind is FailureKind.TLS
        assert seen.failure.detail.startswith(
            "the certificate of 127.0.0.1 is not trusted by this machine's authorities: set GATE_CA_BUNDLE"
        )
        assert seen.sent == b""
    assert server.requests == []


def test_another_name(serve, connect, authority, bundle):
    server = serve(always(OK), serving(authority.issue_cert("other.test", "192.0.2.1")))
    for host in ("127.0.0.1", "localhost"):
        seen = connect(f"https://{host}:{server.port}", ca_bundle=bundle).send(GET)
        assert (seen.failure.kind, f"was not issued for {host}" in seen.failure.detail) == (FailureKind.TLS, True)


def test_an_expired_certificate(serve, connect, authority, bundle):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    server = serve(always(OK), serving(authority.issue_cert("127.0.0.1", not_before=yesterday - timedelta(days=1), not_after=yesterday)))
    assert connect(server, ca_bundle=bundle).send(GET).failure.detail == "the certificate of 127.0.0.1 has expired: renew it"


def test_a_server_that_speaks_no_tls(serve, connect, bundle):
    def handler(peer):
        peer.sock.recv(1)
        peer.send(answer(b"", "400 Bad Request"))

    server = serve(handler)
    seen = connect(f"https://127.0.0.1:{server.port}", ca_bundle=bundle).send(GET)
    assert seen.failure.kind is FailureKind.TLS
    assert "check that the base URL's scheme and port belong to each other" in seen.failure.detail


def test_a_server_that_hangs_up_in_the_handshake(serve, connect):
    seen = connect(f"https://127.0.0.1:{serve(lambda peer: peer.reset()).port}").send(GET)
    assert seen.failure.kind in (FailureKind.TLS, FailureKind.CONNECT)  # the reset may come before the handshake has begun


def test_a_handshake_that_never_comes(serve, connect):
    server = serve(lambda peer: peer.gone())
    seen = connect(f"https://127.0.0.1:{server.port}").send(Probe("GET", "/", deadline=0.3, provokes=True))
    assert seen.failure.kind is FailureKind.TIMEOUT
    assert seen.timing.total < 5


def test_a_trickle_through_tls(serve, connect, good, bundle):
    server = serve(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"y", 0.02), serving(good))
    seen = connect(server, ca_bundle=bundle).send(Probe("GET", "/", deadline=0.7, provokes=True))
    assert seen.failure.kind is FailureKind.TIMEOUT
    assert seen.timing.total < 5


def test_a_body_without_a_length_must_not_be_cut_off(serve, connect, good, bundle):
    """The end of the TCP stream alone can be anybody's doing; only TLS's own end counts."""

    def handler(ends):
        def handle(peer):
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
            if ends:
                peer.sock.unwrap()

        return handle

    ended = connect(serve(handler(ends=True), serving(good)), ca_bundle=bundle).send(GET)
    assert ended.answer.body == b"abc"
    cut = connect(serve(handler(ends=False), serving(good)), ca_bundle=bundle).send(GET)
    assert cut.failure.kind is FailureKind.RESET


def test_poison_inside_the_same_record(serve, connect, good, bundle):
    client = connect(serve(always(OK + OK.replace(b"{}", b"!!")), serving(good)), ca_bundle=bundle)
    assert [client.send(Probe("GET", f"/{number}")).answer.body for number in range(3)] == [b"{}"] * 3


def test_session_keys_are_never_written(monkeypatch, tmp_path, serve, connect, good, bundle):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert connect(serve(always(OK), serving(good)), ca_bundle=bundle).send(GET).status == 200
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_bundle_that_cannot_be_read(connect, tmp_path, content, scheme):
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="GATE_CA_BUNDLE"):
        connect(f"{scheme}://127.0.0.1:1", ca_bundle=str(path))


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x82\xff\xff", b"\x30\x03\x02\x01\x01"])
def test_no_key_of_what_is_no_certificate(data):
    with pytest.raises(ValueError, match="not a certificate"):
        tls.spki_sha256(data)
