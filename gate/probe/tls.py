"""TLS, always verified: a release gate that talks to whoever answers proves nothing."""

from __future__ import annotations

import hashlib
import ssl

from gate.errors import ConfigurationError
from gate.model import FailureKind
from gate.probe.fault import NoAnswer

_EXPIRED, _NOT_YET = 10, 9
_HOSTNAME, _ADDRESS = 62, 64


def make_context(ca_bundle: str | None) -> ssl.SSLContext:
    """A verifying context: TLS 1.2 or later, names checked, authorities from the bundle or else the system's.

    Not `ssl.create_default_context`, which would write session keys to the file that SSLKEYLOGFILE names: nobody's environment may do that.

    Raises:
        ConfigurationError: the bundle cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except ssl.SSLError:
        problem = "holds no certificate"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    else:
        return context
    raise ConfigurationError(f"{ca_bundle} {problem}", "a PEM file with the authority's certificate", "Correct GATE_CA_BUNDLE")


def failure(error: ssl.SSLError, host: str, port: int) -> NoAnswer:
    """What went wrong while TLS was set up, and what to do about it."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or "handshake failed").replace("_", " ").lower()
        return NoAnswer(
            FailureKind.TLS, f"no TLS with {host} on port {port} ({reason}): check that the base URL's scheme and port belong to each other"
        )
    return NoAnswer(FailureKind.TLS, f"the certificate of {host} {_complaint(error.verify_code, host)}")


def _complaint(code: int, host: str) -> str:
    if code == _EXPIRED:
        return "has expired: renew it"
    if code == _NOT_YET:
        return "is not valid yet: check the clocks of both sides"
    if code in (_HOSTNAME, _ADDRESS):
        return f"was not issued for {host}: use the name it was issued for in BASE_URL, or reissue it"
    return "is not trusted by this machine's authorities: set GATE_CA_BUNDLE to the PEM file of the authority that issued it"


def spki_sha256(certificate: bytes) -> str:
    """The SHA-256 of a DER certificate's public key (SubjectPublicKeyInfo): the same key is the same server, however often it is reissued.

    Raises:
        ValueError: not a certificate.
    """
    try:
        start, _ = _content(certificate, 0)  # Certificate
        start, _ = _content(certificate, start)  # TBSCertificate
        # An optional [0] version, then serial number, signature, issuer, validity, subject.
        for _ in range(6 if certificate[start] == 0xA0 else 5):
            _, start = _content(certificate, start)
        _, end = _content(certificate, start)
    except IndexError:
        raise ValueError("not a certificate") from None
    return hashlib.sha256(certificate[start:end]).hexdigest()


def _content(data: bytes, start: int) -> tuple[int, int]:
    """Where the content of the DER element at `start` begins and ends."""
    length, position = data[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        length, position = int.from_bytes(data[position : position + size], "big"), position + size
    return position, position + length
