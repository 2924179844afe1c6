from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from gate.probe.client import BudgetSettings, Client, ClientSettings
from tests.probe.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes everything at the test's end, in reverse order."""
    with ExitStack() as closing:
        yield closing


@pytest.fixture
def serve(stack: ExitStack) -> Callable[..., Server]:
    """`serve(handler, ...)`: a server for this test."""
    return lambda *args, **options: stack.enter_context(Server(*args, **options))


@pytest.fixture
def connect(stack: ExitStack) -> Callable[..., Client]:
    """`connect(server or url, on_observation, **settings)`: a client for this test, with a budget that never waits unless it is given."""

    def make(target: Server | str, *args: Any, **settings: Any) -> Client:
        url = target if isinstance(target, str) else target.url
        given: dict[str, Any] = {"budget": BudgetSettings(requests=1_000_000), "user_agent": "gate/0.1.0 (run r1)", **settings}
        return stack.enter_context(Client(ClientSettings(url, "r1", **given), *args))

    return make
