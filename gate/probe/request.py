"""A probe as the bytes that go on the wire. Nothing is normalised, nothing is added that the probe set itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.model import Probe
    from gate.probe.origin import Origin

_FORBIDDEN = re.compile("[\r\n\0]")
_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True)
class Request:
    """Everything but the request id, which each attempt has its own of."""

    probe: Probe
    start: bytes = field(repr=False)
    rest: bytes = field(repr=False)
    request_id: str | None

    def head(self, request_id: str) -> bytes:
        """The head exactly as it is written, with this id unless the probe carries one."""
        if self.request_id is not None:
            return self.start + self.rest
        return b"%bX-Request-ID: %b\r\n%b" % (self.start, request_id.encode("latin-1"), self.rest)


def compose(probe: Probe, origin: Origin, user_agent: str, *, absolute: bool = False) -> Request:
    """The request of a probe.

    Args:
        probe: its target is prefixed with the origin's path if it begins with a slash; any other form (`*`, absolute) goes as it is.
        origin: the target's server.
        user_agent: of the gate.
        absolute: write the absolute form, for an HTTP proxy.

    Raises:
        ValueError: method, target or a header hold CR, LF or NUL, or characters beyond latin-1, or method or target are empty: the code
            that made the probe is wrong. An injection is probed with encoded line ends; raw ones would make two requests of one.
    """
    _refuse_line_ends(probe)
    names = {name.lower() for name, _ in probe.headers}
    ours = [("Host", origin.authority), ("User-Agent", user_agent)]
    start = f"{probe.method} {_target(probe, origin, absolute=absolute)} HTTP/1.1\r\n" + _lines(ours, names)
    rest = _lines([("Accept", "*/*"), ("Accept-Encoding", "identity")], names)
    if "transfer-encoding" not in names and (probe.body is not None or probe.method in _WITH_BODY):
        rest += _lines([("Content-Length", str(len(probe.body or b"")))], names)
    rest += "".join(f"{name}: {value}\r\n" for name, value in probe.headers) + "\r\n"
    own_id = next((value for name, value in probe.headers if name.lower() == "x-request-id"), None)
    return Request(probe, start.encode("latin-1"), rest.encode("latin-1"), own_id)


def _lines(headers: list[tuple[str, str]], taken: set[str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() not in taken)


def _target(probe: Probe, origin: Origin, *, absolute: bool) -> str:
    if not probe.target.startswith("/"):
        return probe.target
    return f"{origin.scheme}://{origin.authority}{origin.prefix}{probe.target}" if absolute else origin.prefix + probe.target


def _refuse_line_ends(probe: Probe) -> None:
    if not probe.method or not probe.target:
        raise ValueError("a probe needs a method and a target")
    for text in (probe.method, probe.target, *(part for header in probe.headers for part in header)):
        if _FORBIDDEN.search(text):
            # The text is not quoted: it may be a credential.
            raise ValueError(f"{probe.method!r} {probe.target!r}: method, target and headers must not hold CR, LF or NUL")
