"""Profiles: the shipped one, and every mistake that would make a control judge something else than it says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigurationError
from gate.target import toml
from gate.target.profile import Identity, load_profile
from tests.target.support import SHIPPED, changed


def refused(path: str, told: str) -> None:
    """One sentence that begins with the file."""
    with pytest.raises(ConfigurationError, match=told) as error:
        load_profile(path)
    assert error.value.sentence.startswith(path)
    assert error.value.exit_status == 2


def test_the_shipped_profile() -> None:
    profile = load_profile("supply_intel")
    assert profile.name == "supply_intel"
    assert list(profile.identities) == ["admin", "qa", "ops", "viewer"]
    assert [item.token_env for item in profile.identities.values()] == ["ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN"]
    assert profile.not_applicable_criteria == frozenset()
    assert all(profile.has(name) for name in ("health", "auth", "recall,trace", "audit_pack", "rollback", "rate_limit"))
    assert (profile.recall.limit_seconds, profile.trace.limit_seconds, profile.rollback.sustained) == (10, 10, 2)
    assert load_profile(str(SHIPPED)).data == profile.data


def test_what_is_no_feature() -> None:
    profile = load_profile("supply_intel")
    assert not any(profile.has(name) for name in ("limits", "identities", "endpoints", "name", "teleport", "recall,teleport", ""))


def test_reading_what_a_profile_may_lack() -> None:
    """An optional key is None; a section that is not there is an error, not None."""
    profile = load_profile("supply_intel")
    assert profile.recall.no_such_key is None
    with pytest.raises(AttributeError):
        _ = profile.teleport
    with pytest.raises(KeyError):
        profile.section("teleport")
    with pytest.raises(StopIteration):
        profile.endpoint("teleport")


def test_who_may_call_what() -> None:
    profile = load_profile("supply_intel")
    admitted = {
        name: [item.name for item in profile.identities.values() if profile.endpoint(name).admits(item)]
        for name in ("health", "trace-full", "whoami", "audit-events", "audit-pack-generate")
    }
    assert admitted == {
        "health": ["admin", "qa", "ops", "viewer"],
        "trace-full": ["admin", "qa", "ops", "viewer"],
        "whoami": ["admin", "qa", "ops", "viewer"],
        "audit-events": ["admin", "qa", "viewer"],
        "audit-pack-generate": ["admin", "qa"],
    }
    assert [profile.endpoint(name).protected for name in ("health", "trace-full", "whoami", "audit-events")] == [False, False, True, True]
    assert not profile.endpoint("audit-events").admits(Identity("guest", "GUEST_TOKEN", ("guest",), passes_every_role=False))


GENERATE = "probe = { body = { limit = 0 }, allowed = [422] }"
LIMIT = "limit_seconds = 10\nbatch_field"
NO_GUARD = r"'audit-pack-generate'\): guarded_by names no endpoint that guards it"
MISTAKES = {
    "an endpoint's id twice": ('id = "audit-packs"', 'id = "whoami"', r"'whoami'\) has an id that another endpoint has"),
    "a guard that does not exist": (GENERATE, 'guarded_by = "nobody"', NO_GUARD),
    "a guard of itself": (GENERATE, 'guarded_by = "audit-pack-generate"', NO_GUARD),
    "a guard that is guarded": (GENERATE, 'guarded_by = "automation-run-daily"', NO_GUARD),
    "a guard that others may call": (GENERATE, 'guarded_by = "whoami"', NO_GUARD),
    "a write that succeeds": (GENERATE, "probe = { body = { limit = 0 }, allowed = [422, 201] }", r"would write"),
    "a write without a probe": (GENERATE, "", r"would write"),
    "two identities with one variable": ('token_env = "OPS_TOKEN"', 'token_env = "QA_TOKEN"', r"two identities share one token_env"),
    "an unknown placeholder in a path": ("{ghost_uuid}/verify", "{ghost_uid}/verify", r"holds \{ghost_uid\}.*ghost_uuid"),
    "an unknown placeholder in a body": ('"gate-alias-{run_id}"', '"{operator}"', r"ccp\.body\.operator_id holds \{operator\}"),
    "an unknown placeholder in a list": ('"/openapi.json"]', '"/{file}.json"]', r"documentation\.paths\.1 holds \{file\}"),
    "an unknown section": ("[documentation]", "[documentations]", r"unknown key 'documentations'.*Did you mean 'documentation'\?"),
    "a path without its slash": ('whoami = "/api', 'whoami = "api', r"key 'auth\.whoami' is .*a path that starts with /"),
    "an unknown word for who may call": ('allow = "any"', 'allow = "anyone"', r"key 'endpoints\.2\.allow' is \"anyone\""),
    "nobody may call": ('allow = ["qa_manager", "compliance_manager"]', "allow = []", r"key 'endpoints\.\d+\.allow' is \[\]"),
    "no identity": ("[identities.", "[identites.", r"unknown key 'identites'"),
    "an unknown criterion": ("[limits]", 'not_applicable_criteria = ["recal"]\n[limits]', r"_criteria\.0' is \"recal\""),
    "the gate itself does not apply": ("[limits]", 'not_applicable_criteria = ["gate"]\n[limits]', r"_criteria\.0' is \"gate\""),
    "no limit for the recall": (LIMIT, "batch_field", r"key 'limit_seconds' is missing in recall"),
    "a limit of zero": (LIMIT, LIMIT.replace("10", "0"), r"key 'recall\.limit_seconds' is 0; expected more than 0"),
    "a limit below zero": (LIMIT, LIMIT.replace("10", "-1"), r"key 'recall\.limit_seconds' is -1"),
    "an infinite limit": (LIMIT, LIMIT.replace("10", "inf"), r"key 'recall\.limit_seconds' is inf"),
    "a limit that is no number": (LIMIT, LIMIT.replace("10", "nan"), r"key 'recall\.limit_seconds' is nan"),
    "a limit as text": (LIMIT, LIMIT.replace("10", '"10"'), r"'recall\.limit_seconds' is \"10\".*a value of type number"),
    "no sustained calls": ("sustained = 2 ", "sustained = 0 ", r"key 'rollback\.sustained' is 0; expected 1 or more"),
    "fewer repetitions than are needed": ("repetitions = 3", "repetitions = 2", r"key 'recall\.repetitions' is 2"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_refused(case: str, tmp_path: Path) -> None:
    old, new, told = MISTAKES[case]
    refused(changed(tmp_path, old, new), told)


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of the profile with its key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from leaves(item, f"{key}.{position}")
    elif isinstance(value, str):
        yield key, value


LEAVES = dict(leaves(tomllib.loads(SHIPPED.read_text(encoding="utf-8"))))
IDENTITIES = [key for key in LEAVES if key.endswith("identity") and not key.startswith("load.")]  # those: test_load_section.py
TRACED = ("recall.counts.", "trace.suppliers", "trace.customers")
EXPRESSIONS = [key for key in LEAVES if key.endswith(("_field", "customer_ids")) or key.startswith(TRACED)]


def with_value(key: str, value: str, folder: Path) -> str:
    """The shipped profile with that key changed: the next place after its section's head and its name where the old text stands."""
    section, name = key.removesuffix(".0").removesuffix(".1").rsplit(".", 1)
    text = SHIPPED.read_text(encoding="utf-8")
    place = text.index(f"\n{name} = ", text.index(f"[{section}]\n"))
    place = text.index(f'"{LEAVES[key]}"', place)
    path = folder / "mine.toml"
    path.write_text(f'{text[:place]}"{value}"{text[place + len(LEAVES[key]) + 2 :]}', encoding="utf-8")
    assert dict(leaves(tomllib.loads(path.read_text(encoding="utf-8"))))[key] == value
    return str(path)


@pytest.mark.parametrize("key", IDENTITIES)
def test_every_identity_that_is_named_exists(key: str, tmp_path: Path) -> None:
    refused(with_value(key, "nobody", tmp_path), rf"{key} names no identity \('nobody'\); expected one of admin, qa, ops, viewer")


@pytest.mark.parametrize("key", EXPRESSIONS)
def test_every_expression_can_be_read(key: str, tmp_path: Path) -> None:
    """One that cannot be would find nothing, in every answer."""
    refused(with_value(key, "rows[", tmp_path), rf"{key} is no JMESPath expression")


def test_the_tables_above_found_what_they_are_about() -> None:
    assert len(IDENTITIES) >= 10
    assert len(EXPRESSIONS) >= 25


@pytest.mark.parametrize("name", ["suply_intel", "SUPPLY_INTEL", ""])
def test_a_profile_that_is_not_there(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no profile .*one of supply_intel or a path ending in \.toml"):
        load_profile(name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.toml does not exist"):
        load_profile(str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize("position", [0, -1])
def test_every_entry_of_a_list_is_checked(position: int, tmp_path: Path) -> None:
    """Not only the first."""
    pieces = SHIPPED.read_text(encoding="utf-8").split("[[endpoints]]\n")
    where = range(1, len(pieces))[position]
    pieces[where] = pieces[where].replace('method = "', 'method = "X', 1)
    path = tmp_path / "mine.toml"
    path.write_text("[[endpoints]]\n".join(pieces), encoding="utf-8")
    refused(str(path), rf"key 'endpoints\.{where - 1}\.method' is")


@pytest.mark.parametrize(
    ("value", "key"), [("nan", "x"), ("inf", "x"), ("-inf", "x"), ("[1.0, nan]", r"x\.1"), ("{ a = [{ b = inf }] }", r"x\.a\.0\.b")]
)
def test_numbers_with_which_every_comparison_is_false(value: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However deep; where a schema would let them through."""
    path = tmp_path / "mine.toml"
    path.write_text(f"x = {value}\n", encoding="utf-8")
    monkeypatch.setattr(toml, "data_root", lambda: tmp_path)
    schema = tmp_path / "fixtures" / "schemas" / "anything.schema.json"
    schema.parent.mkdir(parents=True)
    schema.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf"key '{key}' is -?(nan|inf); expected a finite number"):
        toml.validate(path, toml.load_toml(path), schema.name)
