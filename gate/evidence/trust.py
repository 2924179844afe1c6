"""The trust folder: what an auditor brings along, since what lies in a bundle can only vouch for itself.

`gate*.pub.pem` are keys that may sign runs, `release*.pub.pem` those that may sign decisions, `approvers.toml` (or `approvers.json`, the
same in canonical JSON, which programs without TOML read) the people.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from gate.decide.person import same
from gate.errors import ConfigurationError
from gate.evidence.decode import Mismatch, build
from gate.evidence.keys import PublicKey, load_public
from gate.evidence.sshsig import fingerprint, parse_public
from gate.evidence.strict import canonical, parse_line
from gate.model.trust import RULES, Approvers, Person

TOML, JSON = "approvers.toml", "approvers.json"
ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
MAX_BYTES = 1_000_000
OLDEST_HOURS = 24 * 366
LONGEST_NAME = 200


@dataclass(frozen=True)
class Trust:
    """What was brought along; each part may be missing, and then proves nothing."""

    gate: tuple[PublicKey, ...]
    release: tuple[PublicKey, ...]
    approvers: Approvers | None

    @property
    def digestible(self) -> bytes | None:
        """The people as the file `approvers.json` holds them: what a decision names by digest."""
        return None if self.approvers is None else as_file(self.approvers)


def load_trust(folder: Path, *, anew: bool = False) -> Trust:
    """Everything in the folder; ConfigurationError for what is unreadable, contradicts itself, or could approve nothing.

    Args:
        folder: the trust folder.
        anew: pass over an `approvers.json` that has its `approvers.toml` beside it, since it is about to be written again.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"the trust folder {folder} does not exist", "public keys and approvers.toml", "Check --trust")
    gate, release = (tuple(load_public(path) for path in sorted(folder.glob(f"{name}*.pub.pem"))) for name in ("gate", "release"))
    approvers = _approvers(folder, anew=anew)
    if not gate and not release and approvers is None:
        raise ConfigurationError(f"the trust folder {folder} is empty", "gate*.pub.pem, release*.pub.pem and approvers.toml", "Fill it")
    if shared := {key.keyid for key in gate} & {key.keyid for key in release}:
        raise ConfigurationError(f"the key {min(shared)[:16]}… may sign runs and decisions", "a key for each", "Make another one")
    if owner := _owner_of_any({key.point for key in gate}, approvers):
        raise ConfigurationError(f"a key of {owner} is the gate's own", "a key that only this person has", "Make another one")
    return Trust(gate, release, approvers)


def _owner_of_any(points: set[bytes], approvers: Approvers | None) -> str:
    """Who has one of these keys: the machine that runs the gate would sign in their name."""
    people = approvers.person if approvers else ()
    return next((person.id for person in people if points & {parse_public(key.public).material for key in person.key}), "")


def as_file(approvers: Approvers) -> bytes:
    """Canonical JSON with its newline."""
    return canonical(asdict_lists(approvers)) + b"\n"


def asdict_lists(approvers: Approvers) -> Any:
    """As JSON knows it: no tuples."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    return plain(asdict(approvers))


def read_approvers(content: bytes) -> Approvers:
    """The people of an `approvers.json`; Mismatch unless it is what `as_file` writes and makes sense."""
    approvers = build(Approvers, parse_line(content))
    if problem := next(_problems(approvers), None):
        raise Mismatch(problem)
    if as_file(approvers) != content:
        raise Mismatch("not in the form that `gate trust` writes")
    return approvers


def _approvers(folder: Path, *, anew: bool) -> Approvers | None:
    toml, json = folder / TOML, folder / JSON
    found = _from_toml(toml) if toml.exists() else None
    if not json.exists() or (anew and found is not None):
        return found
    try:
        copy = read_approvers(_content(json))
    except ValueError as error:
        raise _wrong(json, str(error)) from None
    if found is not None and found != copy:
        raise _wrong(json, f"it differs from {TOML}; run `gate trust {folder}` again")
    return copy


def _from_toml(path: Path) -> Approvers:
    try:
        data = tomllib.loads(_content(path).decode("utf-8"))
        approvers = build(Approvers, _completed(data))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, str(error)) from None
    if problem := next(_problems(approvers), None):
        raise _wrong(path, problem)
    return approvers


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """With every default written out, times in one form and keys without their comments."""
    people = [
        {"aliases": [], "may_except": [], **person, "key": [*map(_key, _tables(person, "key"))]} for person in _tables(data, "person")
    ]
    return {"evidence_max_age_hours": 72, **data, "person": people}


def _tables(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Mismatch(f"{name} must be written as [[{name}]]")
    return found


def _key(data: dict[str, Any]) -> dict[str, Any]:
    times = {
        "valid_from": _moment(data.get("valid_from"), "valid_from", "T00:00:00Z"),
        "valid_until": _moment(data.get("valid_until"), "valid_until", "T23:59:59Z"),
    }
    public = data.get("public")
    return {"second_factor": False, **data, **times, "public": " ".join(public.split()[:2]) if isinstance(public, str) else public}


def _moment(value: object, name: str, of_a_day: str) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Mismatch(f"{name} needs its offset from UTC")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat() + of_a_day
    raise Mismatch(f"{name} must be a date, such as 2027-01-31")


def _problems(approvers: Approvers) -> Iterator[str]:
    """What would let nobody approve, or one person pass for two."""
    if approvers.schema_version != 1:
        yield f"schema_version is {approvers.schema_version}, and this gate knows 1"
    if not approvers.person or not approvers.required_roles:
        yield "it names no people, or no required_roles: nobody could approve, or nobody would have to"
    if not 0 < approvers.evidence_max_age_hours <= OLDEST_HOURS:
        yield f"evidence_max_age_hours must lie between 1 and {OLDEST_HOURS}"
    known = {role for person in approvers.person for role in person.roles}
    yield from (f"nobody may sign for {role}" for role in approvers.required_roles if role not in known)
    for one, other in combinations(approvers.person, 2):
        if double := next((name for name in _names(one) if any(same(name, second) for second in _names(other))), None):
            yield f"'{double:.80}' stands for two people, {one.id:.80} and {other.id:.80}"
    if len(set(approvers.required_roles)) != len(approvers.required_roles):
        yield "a role is required twice"
    spellings = Counter(role.casefold() for role in known)
    yield from (f"the role {role} is written in two ways" for role, number in spellings.items() if number > 1)
    if not _can_be_filled(approvers):
        yield "there are too few people: every required role needs another person, or somebody who may except from distinct-person"
    prints = Counter(fingerprint(key.public) for person in approvers.person for key in person.key if _usable(key.public))
    yield from (f"the key {name} stands there twice: one key is one person's" for name, number in prints.items() if number > 1)
    for person in approvers.person:
        yield from _of_person(person)


def _names(person: Person) -> tuple[str, ...]:
    return (person.id, person.name, *person.aliases)


def _can_be_filled(approvers: Approvers) -> bool:
    """Whether every required role can have a person of its own: each newcomer may push another to a role that is still free."""
    if any("distinct-person" in person.may_except for person in approvers.person):
        return True
    holder: dict[str, Person] = {}

    def fill(role: str, seen: set[str]) -> bool:
        for person in approvers.person:
            if role in person.roles and person.id not in seen:
                seen.add(person.id)
                held = next((other for other, one in holder.items() if one is person), None)
                if held is None or fill(held, seen):
                    holder[role] = person
                    return True
        return False

    return all(fill(role, set()) for role in approvers.required_roles)


def _of_person(person: Person) -> Iterator[str]:
    if not all(name.strip() and name.isprintable() and len(name) <= LONGEST_NAME for name in _names(person)):
        yield f"a person needs an id, a name and aliases of up to {LONGEST_NAME} characters that can be printed ({person.id!r:.60})"
    if not person.key:
        yield f"{person.id} has no key"
    yield from (f"'{role:.40}' of {person.id} is no role name" for role in person.roles if not is_role(role))
    yield from (f"'{rule:.40}' of {person.id} is no rule; there are {', '.join(RULES)}" for rule in person.may_except if rule not in RULES)
    for key in person.key:
        if not _usable(key.public):
            yield f"a key of {person.id} cannot be used; ed25519 and ECDSA P-256 SSH keys can, also on hardware (sk)"
        if not is_moment(key.valid_from) or not is_moment(key.valid_until) or key.valid_from > key.valid_until:
            yield f"a key of {person.id} is valid from {key.valid_from:.30} until {key.valid_until:.30}"
        if key.second_factor and not key.public.startswith("sk-"):
            yield f"a key of {person.id} demands a second factor, but is no hardware key (sk-…)"


def is_role(name: str) -> bool:
    """Whether a role may be called that; EXCEPTION is what the papers of exceptions are called."""
    return ROLE.fullmatch(name) is not None and name.casefold() != "exception"


def is_moment(stamp: str) -> bool:
    """Whether it is a time in the one form that papers have, `YYYY-MM-DDTHH:MM:SSZ`."""
    try:
        return MOMENT.fullmatch(stamp) is not None and datetime.fromisoformat(stamp).tzinfo is UTC
    except ValueError:
        return False


def _usable(public: str) -> bool:
    try:
        parse_public(public)
    except Mismatch:
        return False
    return True


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror})", "a readable file", "Check --trust") from None
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"it is larger than {MAX_BYTES} bytes")
    return content


def _wrong(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be used: {why:.300}", "people, roles and keys as docs/SIGNING.md shows", "Correct it")
