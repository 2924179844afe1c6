"""The profile: what is true of a kind of target. A TOML file, checked against its JSON Schema and against itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.decide.load_compare import check_rules
from gate.decide.load_thresholds import for_profile
from gate.errors import ConfigurationError
from gate.fields import mistake
from gate.paths import data_root
from gate.target.toml import load_toml, validate

PLACEHOLDERS = frozenset(
    {"batch_code", "ghost_uuid", "ghost_batch", "run_id", "now", "now_elsewhere", "soon", "year_start", "pack_id", "file_name"}
)
# In the load section: nothing that is another on every run, so that two runs can have the same plan.
LOAD_PLACEHOLDERS = frozenset({"batch_code", "ghost_uuid", "ghost_batch", "run_id"})
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_NOT_FEATURES = {"name", "title", "limits", "identities", "endpoints", "not_applicable_criteria"}


@dataclass(frozen=True, slots=True)
class Identity:
    """One caller that the gate has a token for: where the token comes from, and the roles it must resolve to."""

    name: str
    token_env: str
    roles: tuple[str, ...]
    passes_every_role: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the target. `allow`: "public", "open", "any" or roles. `allowed`: statuses that prove that a caller was let in."""

    id: str
    method: str
    path: str
    allow: str | tuple[str, ...]
    body: Any
    has_body: bool
    allowed: tuple[int, ...]
    guarded_by: str | None

    @property
    def protected(self) -> bool:
        """Whether a caller without a token must be refused."""
        return self.allow not in ("public", "open")

    def admits(self, identity: Identity) -> bool:
        """Whether that identity must be let in."""
        if isinstance(self.allow, str) or identity.passes_every_role:
            return True
        return bool(set(identity.roles) & set(self.allow))


class Section:
    """A part of the profile; its keys are attributes. The schema has made sure of the required ones; an absent optional one is None."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getattr__(self, key: str) -> Any:
        """The key's value, a nested table as a plain dict."""
        if key.startswith("_"):
            raise AttributeError(key)
        return self._data.get(key)


class Profile:
    """A loaded profile. `profile.recall.path` reads a section's key; `has("recall")` asks whether the target has that feature."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path, self.data, self.name = path, data, str(data["name"])
        self.limits = Section(data["limits"])
        self.identities = {
            name: Identity(name, item["token_env"], tuple(item["roles"]), item.get("passes_every_role", False))
            for name, item in data["identities"].items()
        }
        self.endpoints = tuple(_endpoint(item) for item in data["endpoints"])
        self.not_applicable_criteria = frozenset(data.get("not_applicable_criteria", ()))

    def has(self, feature: str) -> bool:
        """Whether the profile has that section; a comma joins several that are all needed."""
        return all(part in self.data and part not in _NOT_FEATURES for part in feature.split(","))

    def section(self, name: str) -> Section:
        """The named section; KeyError where the profile has none."""
        return Section(self.data[name])

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The endpoint with that id."""
        return next(item for item in self.endpoints if item.id == endpoint_id)

    def __getattr__(self, name: str) -> Section:
        """A section as an attribute."""
        if name.startswith("_") or name not in self.__dict__.get("data", {}):
            raise AttributeError(name)
        return self.section(name)


def _endpoint(item: dict[str, Any]) -> Endpoint:
    probe = item.get("probe", {})
    allow = item["allow"] if isinstance(item["allow"], str) else tuple(item["allow"])
    allowed = tuple(probe.get("allowed", (200,)))
    return Endpoint(item["id"], item["method"], item["path"], allow, probe.get("body"), "body" in probe, allowed, item.get("guarded_by"))


def profile_path(name: str) -> Path:
    """The file of a shipped profile, or the path as given where it ends in .toml."""
    return Path(name) if name.endswith(".toml") else data_root() / "fixtures" / "profiles" / f"{name}.toml"


def load_profile(name: str) -> Profile:
    """Load and check a profile by name or path; ConfigurationError names file, key and what was expected."""
    path = profile_path(name)
    if not path.is_file() and not name.endswith(".toml"):
        known = sorted(item.stem for item in path.parent.glob("*.toml"))
        raise ConfigurationError(f"there is no profile '{name}'", f"one of {', '.join(known)} or a path ending in .toml", "Check --profile")
    data = load_toml(path)
    validate(path, data, "profile.schema.json")
    profile = Profile(path, data)
    _check_endpoints(profile)
    _check_identities(profile)
    _check_texts(profile)
    if "load" in data:
        _check_load(profile, data["load"])
    return profile


def _check_endpoints(profile: Profile) -> None:
    if "auth" not in profile.not_applicable_criteria and not any(endpoint.protected for endpoint in profile.endpoints):
        raise ConfigurationError(
            f"{profile.path}: no endpoint is protected, so that access control could not be judged",
            'at least one endpoint with allow = "any" or roles',
            "Add it, or list auth in not_applicable_criteria",
        )
    ids = [endpoint.id for endpoint in profile.endpoints]
    for position, endpoint in enumerate(profile.endpoints):
        where = f"{profile.path}: endpoints.{position} ('{endpoint.id}')"
        if ids.count(endpoint.id) > 1:
            raise ConfigurationError(f"{where} has an id that another endpoint has", "every id once", "Rename one of them")
        guard = next((item for item in profile.endpoints if item.id == endpoint.guarded_by), None)
        if endpoint.guarded_by is not None and (guard is None or guard.guarded_by or guard.allow != endpoint.allow):
            raise ConfigurationError(
                f"{where}: guarded_by names no endpoint that guards it ('{endpoint.guarded_by}')",
                "one with a harmless probe of its own, which the same callers may call",
            )
        if endpoint.protected and endpoint.method != "GET" and not endpoint.guarded_by and set(endpoint.allowed) & set(range(200, 300)):
            raise ConfigurationError(
                f"{where}: probe.allowed holds a 2xx status, so the access matrix would write",
                "a probe that nobody can succeed with (a body of the wrong type: 422, a ghost id: 404), or guarded_by",
                "Give it a harmless probe",
            )


def _check_identities(profile: Profile) -> None:
    variables = [identity.token_env for identity in profile.identities.values()]
    if len(set(variables)) < len(variables):
        raise ConfigurationError(f"{profile.path}: two identities share one token_env", "a variable of its own for each identity")
    for section, data in profile.data.items():
        if section in _NOT_FEATURES or not isinstance(data, dict):
            continue
        for key, value in data.items():
            if key.endswith("identity") and value not in profile.identities:
                known = ", ".join(profile.identities)
                raise ConfigurationError(f"{profile.path}: {section}.{key} names no identity ('{value}')", f"one of {known}")


def _check_texts(profile: Profile) -> None:
    for key, text in _texts({name: section for name, section in profile.data.items() if name != "load"}, ""):
        _check_placeholders(profile, key, text, PLACEHOLDERS)
        problem = mistake(text) if _is_expression(key) else None
        if problem is not None:
            raise ConfigurationError(f"{profile.path}: {key} is no JMESPath expression ({problem})", "JMESPath")


def _check_placeholders(profile: Profile, key: str, text: str, known: frozenset[str]) -> None:
    for name in _PLACEHOLDER.findall(text):
        if name not in known:
            raise ConfigurationError(f"{profile.path}: {key} holds {{{name}}}", f"one of {', '.join(sorted(known))}")


def _is_expression(key: str) -> bool:
    leaf = key.split(".")[1] if "." in key else key
    return leaf.endswith(("_field", "_ids", "counts")) or leaf in ("suppliers", "customers", "finished_lots", "raw_material_lots", "rows")


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, f"{key}.{position}")


def _check_load(profile: Profile, load: dict[str, Any]) -> None:
    """What the schema cannot say of the load section: everything that is named exists, and every threshold can be read."""
    names = [journey["name"] for journey in load["journeys"]]
    for position, journey in enumerate(load["journeys"]):
        where = f"load.journeys.{position}"
        if names.index(journey["name"]) < position:
            raise ConfigurationError(f"{profile.path}: {where} has the name of another ('{journey['name']}')", "every name once")
        if journey["identity"] not in profile.identities:
            known = ", ".join(profile.identities)
            raise ConfigurationError(f"{profile.path}: {where}.identity names no identity ('{journey['identity']}')", f"one of {known}")
        for number, request in enumerate(journey["requests"]):
            _check_load_request(profile, f"{where}.requests.{number}", request, writes=journey["writes"])
    for name, item in load["profiles"].items():
        _check_load_profile(profile, f"load.profiles.{name}", item["steps"], load["limits"])
        try:
            for_profile(load, name)
        except ConfigurationError as error:
            raise ConfigurationError(f"{profile.path}: load.profiles.{name}: {error.happened}", error.expected, error.next_step) from None
    try:
        check_rules(load["compare"])
    except ConfigurationError as error:
        raise ConfigurationError(f"{profile.path}: {error.happened}", error.expected, error.next_step) from None


def _check_load_request(profile: Profile, where: str, request: dict[str, Any], *, writes: bool) -> None:
    if not writes and request["method"] not in ("GET", "HEAD"):
        told = f"{profile.path}: {where} is a {request['method']} in a journey of reads"
        raise ConfigurationError(told, "GET or HEAD", "Set writes = true in that journey")
    if request["name"].split(" ")[0] != request["method"]:
        told = f"{profile.path}: {where} is a {request['method']} with the name '{request['name']}'"
        raise ConfigurationError(told, "a name that begins with its method")
    for key, text in _texts({key: request.get(key) for key in ("path", "body")}, where):
        _check_placeholders(profile, key, text, LOAD_PLACEHOLDERS)


def _check_load_profile(profile: Profile, where: str, steps: list[dict[str, Any]], limits: dict[str, Any]) -> None:
    sums = {"requests": sum(round(step["rate"] * step["seconds"]) for step in steps), "seconds": sum(step["seconds"] for step in steps)}
    if not sums["requests"]:
        raise ConfigurationError(f"{profile.path}: {where} sends nothing", "rates and seconds that make a request")
    for unit, number in sums.items():
        if number > limits[unit]:
            told = f"{profile.path}: {where} has {number:g} {unit}"
            raise ConfigurationError(told, f"at most {limits[unit]:g}", f"Shorten it, or raise load.limits.{unit}")
