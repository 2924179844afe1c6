"""What will be sent: the `[load]` section of a profile and a load profile's name, made into the plan that the generator reads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gate.decide.load_thresholds import for_profile, names_of, parse_all
from gate.errors import ConfigurationError
from gate.model import EVERY

SEED = 1  # the same journeys in the same order on every run: two runs differ in the target alone
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# Values that exist nowhere, the same on every run.
GHOSTS = {"ghost_uuid": "00000000-0000-4000-8000-000000000000", "ghost_batch": "GATE-GHOST-00000000"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A load run that is ready to be sent.

    `data` is plan.json (fixtures/schemas/load_plan.schema.json). `writing` names what writes: journeys, and the recall drill that the gate
    sends beside them. `left_out` names the journeys that the profile has and this run has not. `thresholds` are the texts that judge it.
    `sha256` is the digest of what two runs must share to be compared: `data` without `run_id`, `base_url` and `user_agent`, and with
    `{run_id}` wherever the run's id stands in a path or body.
    """

    profile: str
    data: dict[str, Any]
    thresholds: tuple[str, ...]
    writing: tuple[str, ...]
    left_out: tuple[str, ...]
    sha256: str

    @property
    def names(self) -> list[str]:
        """The names of its requests, each once."""
        return list(dict.fromkeys(request["name"] for journey in self.data["journeys"] for request in journey["requests"]))

    @property
    def identities(self) -> set[str]:
        """The callers whose tokens it needs."""
        return {journey["identity"] for journey in self.data["journeys"]}

    @property
    def seconds(self) -> float:
        """From the first arrival to the end of the last step."""
        return float(sum(step["seconds"] for step in self.data["steps"]))

    @property
    def scheduled(self) -> int:
        """How many arrivals there are."""
        return sum(round(step["rate"] * step["seconds"]) for step in self.data["steps"])


def profiles(load: Mapping[str, Any]) -> list[str]:
    """The load profiles that a `[load]` section has."""
    return list(load.get("profiles", {}))


def make_plan(
    load: Mapping[str, Any],
    name: str,
    *,
    base_url: str,
    run_id: str,
    user_agent: str,
    values: Mapping[str, str],
    workers: int = 1,
    ca_bundle: str | None = None,
    reads_only: bool = False,
) -> Plan:
    """The plan of one run.

    Args:
        load: the profile's `[load]` section.
        name: the load profile.
        base_url: the target's address, without a slash at its end.
        run_id: goes into every X-Request-ID.
        user_agent: the gate's.
        values: what the placeholders of paths and bodies mean, besides GHOSTS and `run_id`.
        workers: how many processes share the schedule.
        ca_bundle: a PEM file, or None for the system's authorities.
        reads_only: leave out the journeys that write, and the thresholds of names that only they have.

    Raises:
        ConfigurationError: there is no such load profile, nothing would be sent, or a placeholder or threshold cannot be used.
    """
    journeys, left_out = _journeys(load, name, reads_only=reads_only)
    own = _own(load, name) | {"workers": workers, "ca_bundle": ca_bundle}
    whose = {"run_id": run_id, "base_url": _address(base_url), "user_agent": user_agent}
    return Plan(
        profile=name,
        data=own | whose | {"journeys": _filled(journeys, values, run_id)},
        thresholds=_thresholds(load, name, journeys),
        writing=(*(journey["name"] for journey in journeys if journey.get("writes", True)), *_drills(load["profiles"][name])),
        left_out=tuple(left_out),
        sha256=_digest(own | {"journeys": _filled(journeys, values, "{run_id}")}),
    )


def _thresholds(load: Mapping[str, Any], name: str, journeys: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    names = names_of({"journeys": journeys})
    return tuple(item.text for item in parse_all(for_profile(load, name)) if item.name in (EVERY, *names))


def _address(base_url: str) -> str:
    if not base_url:
        raise ConfigurationError("there is no address to send load to", "the deployed service's address", "Set BASE_URL or give --base-url")
    return base_url


def _drills(profile: Mapping[str, Any]) -> tuple[str, ...]:
    return ("recall drill",) if profile.get("recall") else ()


def _own(load: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What of the plan is the load profile's and nothing else."""
    steps = [{"rate": float(step["rate"]), "seconds": float(step["seconds"])} for step in load["profiles"][name]["steps"]]
    if not any(round(step["rate"] * step["seconds"]) for step in steps):
        raise ConfigurationError(f"the load profile '{name}' would send nothing", "a rate and seconds that make at least one request")
    return {
        "steps": steps,
        "abort": dict(load["abort"]),
        "limits": dict(load["limits"]),
        "timeout_seconds": load["timeout_seconds"],
        "max_in_flight": load["max_in_flight"],
        "seed": SEED,
    }


def _digest(plan: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _journeys(load: Mapping[str, Any], name: str, *, reads_only: bool) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Those of the load profile, and the names of those that are left out because they write."""
    if name not in profiles(load):
        known = ", ".join(profiles(load)) or "none: the target profile has no [load] section"
        raise ConfigurationError(f"there is no load profile '{name[:80]}'", f"one of {known}", "Check --profile")
    named = load["profiles"][name].get("journeys")
    listed = [journey for journey in load["journeys"] if named is None or journey["name"] in named]
    kept = [journey for journey in listed if not (reads_only and journey.get("writes", True))]
    if not kept:
        raise ConfigurationError(
            f"no journey of the load profile '{name}' may run here", "at least one", "Give it a journey that only reads"
        )
    return kept, [journey["name"] for journey in listed if journey not in kept]


def _filled(journeys: Sequence[Mapping[str, Any]], values: Mapping[str, str], run_id: str) -> list[dict[str, Any]]:
    known = {**GHOSTS, **values, "run_id": run_id}
    return [
        {
            "identity": journey["identity"],
            "weight": journey["weight"],
            "requests": [
                {
                    "method": request["method"],
                    "path": _fill(request["path"], known),
                    "name": request["name"],
                    "body": _fill(request.get("body"), known),
                    "expect": list(request["expect"]),
                }
                for request in journey["requests"]
            ],
        }
        for journey in journeys
    ]


def _fill(template: Any, values: Mapping[str, str]) -> Any:
    """With every placeholder filled in; in a path the values are URL-quoted."""
    if isinstance(template, Mapping):
        return {key: _fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    missing = [key for key in _PLACEHOLDER.findall(template) if key not in values]
    if missing:
        raise ConfigurationError(
            f"a request of [load] holds {{{missing[0]}}}", f"one of {', '.join(sorted(values))}", "Correct the profile"
        )
    quoting = template.startswith("/")
    return _PLACEHOLDER.sub(lambda match: _quoted(values[match[1]]) if quoting else values[match[1]], template)


def _quoted(value: str) -> str:
    return value if value == "{run_id}" else quote(value, safe="")
