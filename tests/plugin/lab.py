"""Shipped controls about who is let in, run by the real command against a small service that a test may break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.plugin.support import HEAD, PROFILE, TOKENS, Asked, Ended, Made, Service, make

NO_GO, INCONCLUSIVE = 10, 11
API = """
[health]
path = "/health"
expect = { status = "ok" }
[auth]
whoami = "/whoami"
enabled_field = "auth_enabled"
user_field = "user"
roles_field = "roles"
schemes = [{ header = "Authorization", prefix = "Bearer " }]
missing_status = [401]
denied_status = [403]
"""
ROLES = {token: name.removesuffix("_TOKEN").lower() for name, token in TOKENS.items()}
ALLOWED = {"/one": {"qa"}, "/two": {"qa", "viewer"}, "/whoami": {"qa", "viewer"}}


def caller(asked: Asked) -> str | None:
    """Whose token a request carries, if anybody's."""
    return ROLES.get(asked.headers.get("Authorization", "").removeprefix("Bearer "))


def api(asked: Asked) -> tuple[int, Any]:
    """A small healthy service: health, whoami, two reads for some roles, and whatever else for everybody with a token."""
    if asked.path == "/health":
        return 200, {"status": "ok"}
    name, allowed = caller(asked), ALLOWED.get(asked.path)
    if name is None:
        return 401, {"error": "who are you?"}
    if allowed is not None and name not in allowed:
        return 403, {"error": "not you"}
    if asked.path == "/whoami":
        return 200, {"user": f"user-{name}", "roles": [name], "auth_enabled": True}
    return 200, {"rows": [f"one of the rows of {asked.path}, which are private"]}


class Lab:
    """What a case needs: suites that it may change, and runs of the real command against a service that it may break."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: Made = make(folder / "made")
        self.made.shipped("preflight/test_preflight.py", "security/test_access.py", "security/test_taps.py")
        (self.made.root / "suites" / "security" / "test_security.py").unlink()
        self.profile = self.made.root / "fixtures" / "profiles" / "tiny.toml"
        self.profile.write_text(PROFILE + API, encoding="utf-8")
        self.asked: list[Asked] = []

    def run(self, answering: Callable[[Asked], Any] = api, *options: str, **environment: str) -> Ended:
        with Service(answering) as service:
            done = self.made.run(service.base_url, *options, **environment)
        self.asked = service.asked
        return done

    def adds(self, *sources: str) -> None:
        self.made.write("acceptance/test_x.py", HEAD + "".join(sources))


def no_pass(done: Ended, status: int, control_id: str | None = None, outcome: str = "failed") -> None:
    """The run ended with that status, nothing says that the release may go, and the control that saw it says so."""
    assert done.status == status, done.out + done.err
    assert not done.goes
    assert "Traceback" not in done.out + done.err
    assert control_id is None or done.outcome(control_id) == outcome, done.results


Case = Callable[[Lab], None]


class Cases(dict[str, Case]):
    """Cases by the name of their fault."""

    def __call__(self, name: str) -> Callable[[Case], Case]:
        """Enter a case; a name twice is a mistake."""

        def enter(function: Case) -> Case:
            assert name not in self
            self[name] = function
            return function

        return enter
