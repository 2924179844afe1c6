"""A service of three routes, in memory: who may call what. Faults are put before it, and controls judged by what it then answers."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import unquote

from gate.model import Observation, Probe, Response, Timing
from gate.plugin.decorators import SHAPE
from gate.plugin.requests import Target
from gate.redact import Redactor
from gate.target.profile import load_profile
from tests.suites.made_up import ROOT

TOKENS = {name: f"token-of-{name}-0123456789abcdef" for name in ("admin", "qa", "ops", "viewer")}
ROLES = {"admin": ["admin"], "qa": ["qa_manager", "qa_analyst"], "ops": ["ops_scheduler"], "viewer": ["viewer"]}
WHOAMI, EVENTS, HEALTH = "/api/v1/auth/whoami", "/api/v1/audit/events", "/health"
MAY = {"admin", "qa", "viewer"}
Answer = tuple[int, Any, dict[str, str]]
Before = Callable[[Probe, Callable[..., Answer]], Answer]
_numbers = itertools.count(1)


@functools.cache
def suite(name: str) -> ModuleType:
    """A file of suites/security as a module, known to Python by name, as dataclasses demand."""
    path = ROOT / "suites" / "security" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"security_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_target() -> Target:
    """`t`, with the shipped profile and four tokens."""
    settings: Any = SimpleNamespace(
        profile=load_profile("supply_intel"),
        tokens=TOKENS,
        batch_code="BATCH-1",
        cors_allow_origins=("https://ops.example.com",),
        loopback=True,
        rate_limit_window_seconds=5.0,
    )
    return Target(settings, "run", Redactor([]))


def header(probe: Probe, name: str) -> list[str]:
    """Every value of a header."""
    return [value for key, value in probe.headers if key.lower() == name]


def caller(probe: Probe) -> str | None:
    """Whose token it carries: the first Authorization counts, X-API-Key where there is none."""
    bearer, key = header(probe, "authorization"), header(probe, "x-api-key")
    token = bearer[0].removeprefix("Bearer ") if bearer else key[0] if key else ""
    return next((name for name, known in TOKENS.items() if known == token), None)


def healthy(probe: Probe, path: str | None = None, who: str | None = None) -> Answer:
    """What the service answers; a fault may have it look at another path, or take the caller for someone else."""
    where, who = path or probe.target.partition("?")[0], who or caller(probe)
    if where == HEALTH:
        return 200, {"status": "ok"}, {}
    if probe.method not in ("GET", "POST", "PATCH"):
        return 405, {"error": "method"}, {}
    answer = routed(unquote(where), who or "")
    return (401, {"error": "token"}, {"www-authenticate": "Bearer"}) if who is None and answer[0] != 404 else answer


def routed(where: str, who: str) -> Answer:
    """What a known caller is answered."""
    me = {"user": {"user_id": f"gate-{who}", "roles": ROLES.get(who), "token_source": "authorization"}, "auth_enabled": True}
    events = [{"audit_id": "1", "payload": "the events of the trail"}]
    answers: dict[str, Answer] = {
        WHOAMI: (200, me, {}),
        EVENTS: (200, events, {}) if who in MAY else (403, {"error": "role"}, {}),
        "/api/v1/recall/simulate": (422, {"error": "body"}, {}),
    }
    return answers.get(where, (404, {"error": "nothing there"}, {}))


def observe(probe: Probe, answer: Answer) -> Observation:
    """As the client would have seen it."""
    status, body, more = answer
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = tuple({"content-type": "application/json", **more}.items())
    response = Response(status, "1.1", headers, raw, raw, hashlib.sha256(raw).hexdigest())
    return Observation(next(_numbers), probe, "run-1", "2026-01-01T00:00:00Z", b"", response, None, Timing(total=0.01))


def judge(file: str, check: str, before: Before | None = None, **known: Any) -> list[Probe]:
    """Let a control's check judge the service with that fault before it; the probes that were sent besides the declared ones."""
    module, t, later = suite(file), made_target(), list[Probe]()

    def ask(probe: Probe) -> Observation:
        return observe(
            probe, before(probe, lambda *args, **more: healthy(args[0] if args else probe, **more)) if before else healthy(probe)
        )

    def show(shape: Any) -> Any:
        if isinstance(shape, Probe):
            return ask(shape)
        if isinstance(shape, dict):
            return {key: show(value) for key, value in shape.items()}
        return [show(value) for value in shape]

    def send(probe: Probe) -> Observation:
        later.append(probe)
        return ask(probe)

    function = getattr(module, check)
    shape = getattr(function, SHAPE, None)
    given = {"t": t, "send": send, "measured": lambda _: None, "apart": suite("conftest").told_apart(send), **known}
    if shape is not None:
        given["observed"] = show(shape(t))
    if "run" in inspect.signature(function).parameters:
        given.setdefault("run", SimpleNamespace(send=ask, observations=[]))
    function(**{name: given[name] for name in inspect.signature(function).parameters})
    return later


def rerouted(probe: Probe, target: str) -> Probe:
    """The same request for another target."""
    return replace(probe, target=target)
