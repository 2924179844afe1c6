"""Made-up answers and runs, and a suite's file as a module, to judge what a control's check makes of them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from gate.model import Observation, Probe, Response, Timing
from gate.plugin.requests import Target
from gate.redact import Redactor
from gate.target.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {"admin": "Adm1nT0kenAbcDefGhi", "viewer": "gate-viewer-4711-abc+def/ghi"}
JSON = ("Content-Type", "application/json")
WHOAMI, TRACE = "/api/v1/auth/whoami", "/api/v1/trace/batch/GHOST/full"


def suite(name: str) -> ModuleType:
    """A suite's file as a module."""
    spec = importlib.util.spec_from_file_location(f"suite_{Path(name).stem}", ROOT / "suites" / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def target() -> Target:
    """`t`, with the shipped profile."""
    settings: Any = SimpleNamespace(
        profile=load_profile("supply_intel"),
        tokens=TOKENS,
        batch_code="BATCH-1",
        base_url="http://127.0.0.1:1",
        rate_limit_requests=300,
    )
    return Target(settings, "run", Redactor([]))


def saw(answer: Any = b"{}", status: int = 200, *headers: tuple[str, str], target: str = WHOAMI, **probe: Any) -> Observation:
    """An answer: JSON, unless `headers` say something else."""
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    given = headers if any(name.lower() == "content-type" for name, _ in headers) else (JSON, *headers)
    sent = Probe(probe.pop("method", "GET"), target, **probe)
    response = Response(status, "1.1", tuple(given), raw, raw, hashlib.sha256(raw).hexdigest())
    return Observation(1, sent, "run-1", "", b"", response, None, Timing(total=0.01))


def run_of(*seen: Observation) -> Any:
    cases = [(SimpleNamespace(control=SimpleNamespace(suite=name)), None) for name in ("acceptance", "audit", "recall", "security")]
    return SimpleNamespace(observations=list(seen), cases=cases, settings=target().settings)


def by(name: str, **more: Any) -> dict[str, Any]:
    """An identity's own token, as documented."""
    return {"identity": name, "headers": (("Authorization", f"Bearer {TOKENS[name]}"),), **more}


def html(body: bytes, status: int = 200, **probe: Any) -> Observation:
    return saw(body, status, ("Content-Type", "text/html"), **probe)


def envelope(code: str = "http_error", request_id: str = "run-1") -> dict[str, Any]:
    return {"error": {"code": code, "message": "Unknown", "request_id": request_id}}


def nothing(_: Any) -> None:
    """What `measured` does here."""
