"""An HTTP/1.x answer read strictly: what is ambiguous is a failure, never a guess (RFC 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.probe.fault import protocol, too_large

if TYPE_CHECKING:
    from gate.probe.stream import Stream

HEADER_LIMIT = 100
INTERIM_LIMIT = 16
LINE_LIMIT = 1024

_STATUS = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: [^\r\0]*)?", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,18}")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """As sent, transfer coding removed. `reusable` says whether another request may follow on the connection."""

    status: int
    version: str
    headers: Headers
    raw: bytes
    reusable: bool


def read_answer(stream: Stream, method: str, limit: int) -> Answer:
    """Read the answer to one request, interim (1xx) answers skipped.

    Args:
        stream: positioned where the answer begins.
        method: of the request: HEAD and CONNECT have no body.
        limit: bytes of the body.

    Raises:
        NoAnswer: PROTOCOL, RESET, TIMEOUT or TOO_LARGE.
    """
    for _ in range(INTERIM_LIMIT):
        status, version, headers = parse_head(stream.head())
        if status >= 200 or status == 101:
            break
    else:
        raise protocol(f"more than {INTERIM_LIMIT} interim (1xx) answers came before a final one")
    fields = [(name.lower(), value) for name, value in headers]
    chunked, length = _framing(fields, version)
    bodiless = method == "HEAD" or status in (101, 204, 304) or (method == "CONNECT" and status < 300)
    raw = b"" if bodiless else _body(stream, limit, length, chunked=chunked)
    framed = (bodiless or chunked or length is not None) and not stream.buffer
    opaque = status == 101 or method == "CONNECT" or (status == 204 and bool(chunked or length))
    return Answer(status, version, headers, raw, framed and not opaque and _keeps_alive(fields, version))


def parse_head(head: bytes) -> tuple[int, str, Headers]:
    """Status, version and headers (latin-1, outer white space removed); PROTOCOL for anything that a strict reader would not accept."""
    lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    status = _STATUS.fullmatch(lines[0])
    if status is None:
        raise protocol("the answer does not begin with an HTTP/1.x status line")
    if len(lines) > HEADER_LIMIT + 1:
        raise protocol(f"the answer has more than {HEADER_LIMIT} headers")
    headers = []
    for number, line in enumerate(lines[1:], 1):
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or b"\r" in value or b"\0" in value:
            raise protocol(f"line {number} of the answer's headers is not `name: value`")
        headers.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return int(status[2]), status[1].decode("ascii"), tuple(headers)


def _framing(fields: list[tuple[str, str]], version: str) -> tuple[bool, int | None]:
    codings = [value for name, value in fields if name == "transfer-encoding"]
    lengths = [part.strip(" \t") for name, value in fields if name == "content-length" for part in value.split(",")]
    if codings and lengths:
        raise protocol("the answer has both Transfer-Encoding and Content-Length: two readers could disagree on where it ends")
    if codings and (version != "HTTP/1.1" or [coding.lower() for coding in codings] != ["chunked"]):
        raise protocol("the answer's Transfer-Encoding is not exactly `chunked` on HTTP/1.1")
    if len(set(lengths)) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise protocol("the answer's Content-Length is not one number")
    return bool(codings), int(lengths[0]) if lengths else None


def _body(stream: Stream, limit: int, length: int | None, *, chunked: bool) -> bytes:
    if chunked:
        return _chunks(stream, limit)
    if length is None:
        return stream.until_closed(limit)
    if length > limit:
        raise too_large(limit)
    return stream.exactly(length)


def _chunks(stream: Stream, limit: int) -> bytes:
    body = bytearray()
    while True:
        head = _CHUNK.fullmatch(stream.line(LINE_LIMIT))
        if head is None:
            raise protocol("a chunk of the body does not begin with its size")
        size = int(head[1], 16)
        if size == 0:
            break
        if len(body) + size > limit:
            raise too_large(limit)
        body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            raise protocol("a chunk of the body is longer than its size")
    for _ in range(HEADER_LIMIT):
        if not stream.line(LINE_LIMIT):
            return bytes(body)
    raise protocol(f"the answer has more than {HEADER_LIMIT} trailers")


def _keeps_alive(fields: list[tuple[str, str]], version: str) -> bool:
    options = {option.strip().lower() for name, value in fields if name == "connection" for option in value.split(",")}
    return "close" not in options and (version == "HTTP/1.1" or "keep-alive" in options)
