"""What a client is told before its first request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gate.errors import ConfigurationError
from gate.model import Safety
from gate.probe.origin import parse_base_url, parse_proxy

Scope = Literal["client+path", "client", "token"]


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """The target's rate limit, and how much of it the gate uses.

    `requests` in `window_seconds` for each path, for the client as a whole, or for each token (an identity); `exempt` are paths, without
    the base URL's prefix, that the target does not count; `share` is the part of `requests` that the gate allows itself: the rest is a
    reserve for jitter and for requests that reached the target twice. The default is the first target's limit.
    """

    requests: int = 300
    window_seconds: float = 60.0
    scope: Scope = "client+path"
    exempt: tuple[str, ...] = ()
    share: float = 0.8

    def __post_init__(self) -> None:
        """Refuse what would stop every request, or none."""
        if self.requests < 1 or self.window_seconds <= 0 or not 0 < self.share <= 1:
            expected = "1 request or more, a window above 0 s, and a share above 0 and up to 1"
            raise ConfigurationError("the request budget cannot be used", expected, "Correct the profile's limits")

    @property
    def permitted(self) -> int:
        """Requests in one window that the gate allows itself: at least 1."""
        return max(1, int(self.requests * self.share))


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Checked on creation.

    `level` is the highest safety class that may leave; `concurrency` the number of threads of one `send_all`; `ca_bundle` a PEM file that
    replaces the system's authorities; `proxy` an `http://host:port`.

    Raises:
        ConfigurationError: the base URL or the proxy cannot be used.
    """

    base_url: str
    run_id: str
    user_agent: str
    level: Safety = Safety.BURST
    concurrency: int = 16
    ca_bundle: str | None = None
    proxy: str | None = None
    budget: BudgetSettings = field(default_factory=BudgetSettings)

    def __post_init__(self) -> None:
        """Refuse now what would otherwise fail at the first request."""
        parse_base_url(self.base_url)
        if self.proxy is not None:
            parse_proxy(self.proxy)
        if self.concurrency < 1:
            raise ConfigurationError("the number of concurrent requests is below 1", "1 or more")
