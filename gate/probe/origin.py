"""Where requests go: the base URL and the proxy, taken apart once and strictly."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from gate.errors import ConfigurationError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """A server. `host` is an ASCII name or an address without brackets; `prefix` a path without a slash at its end, often empty."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def address(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        return f"{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """The Host header's value: the port only where it is not the scheme's own."""
        return self._bracketed if self.port == PORTS[self.scheme] else self.address

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_base_url(url: str) -> Origin:
    """Take a base URL apart.

    Raises:
        ConfigurationError: it is not `http(s)://host[:port][/prefix]`. The message never quotes the URL, which may hold a password.
    """
    return _parse(url, "the base URL", "http(s)://host[:port][/prefix]", "Correct BASE_URL", ("http", "https"))


def parse_proxy(url: str) -> Origin:
    """Take a proxy's URL apart.

    Raises:
        ConfigurationError: it is not `http://host:port`.
    """
    origin = _parse(url, "the proxy's URL", "http://host:port", "Correct GATE_PROXY", ("http",))
    if origin.prefix:
        raise ConfigurationError("the proxy's URL has a path", "http://host:port", "Correct GATE_PROXY")
    return origin


def _parse(url: str, name: str, expected: str, mend: str, schemes: tuple[str, ...]) -> Origin:
    # urlsplit drops tabs and newlines silently: refuse them before it can.
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError(f"{name} holds white space or control characters", expected, mend)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError:
        raise ConfigurationError(f"{name} cannot be read", expected, mend) from None
    problem = _problem(parts, url, host, port, schemes)
    if problem:
        raise ConfigurationError(f"{name} {problem}", expected, mend)
    return Origin(parts.scheme, host, PORTS[parts.scheme] if port is None else port, parts.path.rstrip("/"))


def _problem(parts: SplitResult, url: str, host: str, port: int | None, schemes: tuple[str, ...]) -> str | None:
    if parts.scheme not in schemes:
        return f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if "@" in parts.netloc:
        return "holds a user name or password"
    if "?" in url or "#" in url:
        return "holds a query or a fragment"
    if not host:
        return "names no host"
    if port == 0:
        return "names port 0"
    return None if parts.path.isascii() else "has a path that is not ASCII (percent-encode it)"


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    return host.encode("idna").decode("ascii")
