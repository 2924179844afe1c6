"""Content coding removed, with a cap on what comes out: a small bomb costs no more memory than an honest body."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from gate.probe.fault import protocol, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.probe.answer import Headers

CODINGS_LIMIT = 3
MEMBERS_LIMIT = 16


def decode(raw: bytes, headers: Headers, accepted: str, limit: int) -> bytes:
    """The body as its media type describes it.

    A coding that we cannot undo is left as it is if the probe asked for it; otherwise it is a PROTOCOL failure: a check that looks for
    something in the body would search coded bytes, find nothing, and pass.

    Args:
        raw: the body as sent.
        headers: of the answer.
        accepted: the probe's own Accept-Encoding, empty if it has none.
        limit: bytes that may come out.

    Raises:
        NoAnswer: TOO_LARGE; PROTOCOL where the body is not what Content-Encoding says.
    """
    codings = [coding.strip().lower() for name, value in headers if name.lower() == "content-encoding" for coding in value.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if not raw or not codings:
        return raw
    if len(codings) > CODINGS_LIMIT:
        raise protocol(f"the body has more than {CODINGS_LIMIT} content codings")
    for coding in reversed(codings):
        decoder = _DECODERS.get(coding)
        if decoder is None:
            if coding in accepted.lower():
                return raw
            raise protocol("the body has a content coding that the request did not accept and the gate cannot undo")
        raw = decoder(raw, limit)
    return raw


def _gunzip(data: bytes, limit: int) -> bytes:
    body = bytearray()
    # Each member copies what is left of the data: without a cap, thousands of empty ones would cost minutes.
    for _ in range(MEMBERS_LIMIT):
        member = zlib.decompressobj(31)
        body += _inflate(member, data, limit - len(body))
        data = member.unused_data
        if not data:
            return bytes(body)
    raise protocol(f"the compressed body has more than {MEMBERS_LIMIT} members")


def _undeflate(data: bytes, limit: int) -> bytes:
    # RFC 9110 means zlib's format; some servers send the bare stream.
    wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    inflater = zlib.decompressobj(15 if wrapped else -15)
    body = _inflate(inflater, data, limit)
    if inflater.unused_data:
        raise protocol("the compressed body goes on after its end")
    return body


def _inflate(inflater: zlib._Decompress, data: bytes, limit: int) -> bytes:
    try:
        body = inflater.decompress(data, limit + 1)
    except zlib.error:
        raise protocol("the body is not compressed as its Content-Encoding says") from None
    if len(body) > limit:
        raise too_large(limit)
    if not inflater.eof:
        raise protocol("the compressed body ends too early")
    return body


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _undeflate}
