"""The trust folder: what it says, and every mistake in one sentence."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.cli.trust import _with_days_as_texts
from gate.errors import ConfigurationError
from gate.evidence.decode import Mismatch
from gate.evidence.keys import new_key
from gate.evidence.trust import JSON, TOML, as_file, is_moment, is_role, load_trust, read_approvers
from gate.target.toml import load_toml, validate
from tests.evidence import bundles

KEY = """
[[person.key]]
public = "{}"
valid_from = 2026-01-01
valid_until = 2027-01-31
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("keys") / "ssh"
    kinds = {"ada": "ed25519", "bob": "ecdsa", "eve": "ed25519", "rsa": "rsa", "dan": "ed25519"}
    return {name: bundles.ssh_key(folder / name, kind) for name, kind in kinds.items()}


def person(name: str, key: str, roles: str = '["QA"]', more: str = "") -> str:
    return f'[[person]]\nid = "{name}@example.com"\nname = "The {name}"\nroles = {roles}\n{more}\n{KEY.format(key)}'


def policy(*people: str, roles: str = '["QA"]', more: str = "schema_version = 1") -> str:
    return "\n".join([more, f"required_roles = {roles}", *people])


def trust(folder: Path, text: str) -> Path:
    (folder / TOML).write_text(text)
    return folder


def test_what_is_left_out_has_a_value_and_times_have_one_form(tmp_path: Path, keys: dict[str, str]) -> None:
    text = policy(person("ada", f"{keys['ada']} ada@laptop").replace("2027-01-31", "2027-01-31T10:00:00+02:00"))
    approvers = load_trust(trust(tmp_path, text)).approvers
    assert approvers is not None
    (ada,) = approvers.person
    assert (approvers.evidence_max_age_hours, ada.aliases, ada.may_except) == (72, (), ())
    (key,) = ada.key
    assert (key.public, key.valid_from, key.valid_until) == (keys["ada"], "2026-01-01T00:00:00Z", "2027-01-31T08:00:00Z")
    assert not key.second_factor


def test_the_json_form_is_read_back_alone_and_only_as_it_is_written(tmp_path: Path, keys: dict[str, str]) -> None:
    approvers = load_trust(trust(tmp_path, policy(person("ada", keys["ada"])))).approvers
    assert approvers is not None
    content = as_file(approvers)
    (tmp_path / TOML).unlink()
    (tmp_path / JSON).write_bytes(content)
    assert load_trust(tmp_path).approvers == approvers
    for broken in (content[:-1], content + b"\n", b" " + content, content.replace(b'"QA"', b'"qa"', 1), b"{}\n", b"[]\n", b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011 - Mismatch, or what the decoder says
            read_approvers(broken)
        (tmp_path / JSON).write_bytes(broken)
        with pytest.raises(ConfigurationError, match="cannot be used"):
            load_trust(tmp_path)


def test_a_json_form_that_is_older_than_the_toml_is_refused(tmp_path: Path, keys: dict[str, str]) -> None:
    old = load_trust(trust(tmp_path, policy(person("ada", keys["ada"])))).digestible
    (tmp_path / JSON).write_bytes(old or b"")
    trust(tmp_path, policy(person("ada", keys["bob"])))
    with pytest.raises(ConfigurationError, match=r"differs from approvers\.toml"):
        load_trust(tmp_path)
    assert load_trust(tmp_path, anew=True).approvers is not None


MISTAKES: dict[str, tuple[Any, str]] = {
    "no people": (lambda _: policy(), "names no people"),
    "no roles": (lambda k: policy(person("ada", k["ada"]), roles="[]"), "no required_roles"),
    "no version": (lambda k: policy(person("ada", k["ada"]), more=""), "schema_version"),
    "another version": (lambda k: policy(person("ada", k["ada"]), more="schema_version = 2"), "schema_version is 2"),
    "a role of nobody": (lambda k: policy(person("ada", k["ada"]), roles='["QA", "Ops"]'), "nobody may sign for Ops"),
    "a role twice": (lambda k: policy(person("ada", k["ada"]), roles='["QA", "QA"]'), "required twice"),
    "a role in two spellings": (lambda k: policy(person("ada", k["ada"], '["QA", "qa"]')), "written in two ways"),
    "a role that is none": (lambda k: policy(person("ada", k["ada"], '["QA", "../x"]')), "is no role name"),
    "a role named as exceptions are": (lambda k: policy(person("ada", k["ada"], '["QA", "Exception"]')), "is no role name"),
    "two roles, one person": (
        lambda k: policy(person("ada", k["ada"], '["QA", "Ops"]'), roles='["QA", "Ops"]'),
        "too few people",
    ),
    "three roles, two people": (
        lambda k: policy(
            person("ada", k["ada"], '["QA", "Ops", "Eng"]'), person("bob", k["bob"], '["QA", "Ops", "Eng"]'), roles='["QA", "Ops", "Eng"]'
        ),
        "too few people",
    ),
    "one key, two people": (lambda k: policy(person("ada", k["ada"]), person("bob", k["ada"])), "stands there twice"),
    "one key twice": (lambda k: policy(person("ada", k["ada"]) + KEY.format(k["ada"])), "stands there twice"),
    "one id twice": (lambda k: policy(person("ada", k["ada"]), person("ada", k["bob"])), "stands for two people"),
    "one alias, two people": (
        lambda k: policy(person("ada", k["ada"], more='aliases = ["Dev Op"]'), person("bob", k["bob"], more='aliases = ["dev  OP"]')),
        "stands for two people",
    ),
    "a name in other letters": (
        lambda k: policy(person("ada", k["ada"]), person("bob", k["bob"]).replace("The bob", "Thе аdа")),  # noqa: RUF001 - Cyrillic
        "stands for two people",
    ),
    "a name that hides": (lambda k: policy(person("ada", k["ada"]).replace("The ada", "Ada\u202e")), "can be printed"),
    "an empty name": (lambda k: policy(person("ada", k["ada"]).replace("The ada", " ")), "can be printed"),
    "an endless name": (lambda k: policy(person("ada", k["ada"]).replace("The ada", "A" * 201)), "can be printed"),
    "nobody's key": (lambda k: policy(person("ada", k["ada"]).split("[[person.key]]")[0]), "has no key"),
    "an RSA key": (lambda k: policy(person("ada", k["rsa"])), "cannot be used; ed25519"),
    "half a key": (lambda k: policy(person("ada", k["ada"][:-8])), "cannot be used; ed25519"),
    "a key of another kind than it says": (lambda k: policy(person("ada", k["ada"].replace("ssh-", "sk-ssh-"))), "cannot be used"),
    "a key with options": (lambda k: policy(person("ada", f"cert-authority {k['ada']}")), "cannot be used"),
    "a key that ends before it begins": (
        lambda k: policy(person("ada", k["ada"]).replace("2027-01-31", "2025-01-31")),
        "is valid from",
    ),
    "a key without an end": (
        lambda k: policy(person("ada", k["ada"]).replace("valid_until = 2027-01-31", "")),
        "valid_until must be a date",
    ),
    "a time without its offset": (
        lambda k: policy(person("ada", k["ada"]).replace("2027-01-31", "2027-01-31T10:00:00")),
        "needs its offset",
    ),
    "a day in quotes": (lambda k: policy(person("ada", k["ada"]).replace("2027-01-31", '"2027-01-31"')), "must be a date"),
    "two factors of a file": (
        lambda k: policy(person("ada", k["ada"]) + "second_factor = true\n"),
        "demands a second factor, but is no hardware key",
    ),
    "a rule that is none": (lambda k: policy(person("ada", k["ada"], more='may_except = ["all"]')), "is no rule"),
    "an unknown key": (lambda k: policy(person("ada", k["ada"], more='role = "QA"')), "unknown field 'role'"),
    "an age of nothing": (lambda k: policy(person("ada", k["ada"]), more="schema_version = 1\nevidence_max_age_hours = 0"), "between 1"),
    "an age that is no number": (
        lambda k: policy(person("ada", k["ada"]), more="schema_version = 1\nevidence_max_age_hours = true"),
        "int was expected",
    ),
    "a person that is no table": (lambda _: policy(more='schema_version = 1\nperson = "ada"'), "must be written as"),
    "no TOML": (lambda _: "schema_version = ", "Invalid value"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence(case: str, tmp_path: Path, keys: dict[str, str]) -> None:
    make, why = MISTAKES[case]
    with pytest.raises(ConfigurationError, match=r"approvers\.toml cannot be used") as caught:
        load_trust(trust(tmp_path, make(keys)))
    assert why in caught.value.happened
    assert "\n" not in str(caught.value)


def test_the_schema_refuses_nothing_that_is_right_and_no_mistake_is_invisible_to_both(tmp_path: Path, keys: dict[str, str]) -> None:
    good = policy(
        person("ada", keys["ada"], '["QA", "Ops"]', 'aliases = ["ada"]\nmay_except = ["distinct-person"]'), person("bob", keys["bob"])
    )
    validate(tmp_path / TOML, _with_days_as_texts(load_toml(trust(tmp_path, good) / TOML)), "approvers.schema.json")
    assert load_trust(tmp_path).approvers is not None
    seen = 0
    for make, _ in MISTAKES.values():
        try:
            validate(tmp_path / TOML, _with_days_as_texts(load_toml(trust(tmp_path, make(keys)) / TOML)), "approvers.schema.json")
        except ConfigurationError:
            seen += 1
    assert seen >= 15  # the others are no matter of form


def test_the_example_in_the_documentation_is_right(tmp_path: Path, keys: dict[str, str]) -> None:
    page = (Path(__file__).parents[2] / "docs/SIGNING.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0].replace("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...", keys["ada"])
    others = person("ada", keys["bob"], '["Engineering"]') + person("eve", keys["eve"], '["Operations"]')
    validate(tmp_path / TOML, _with_days_as_texts(load_toml(trust(tmp_path, example + others) / TOML)), "approvers.schema.json")
    approvers = load_trust(tmp_path).approvers
    assert approvers is not None
    assert [one.id for one in approvers.person] == ["grace@example.com", "ada@example.com", "eve@example.com"]


def test_one_person_may_do_for_two_roles_where_somebody_may_except(tmp_path: Path, keys: dict[str, str]) -> None:
    lead = person("bob", keys["bob"], more='may_except = ["distinct-person"]')
    text = policy(person("ada", keys["ada"], '["Eng", "Ops"]'), lead, roles='["QA", "Eng", "Ops"]')
    assert load_trust(trust(tmp_path, text)).approvers is not None


def test_people_are_moved_about_until_every_role_has_one(tmp_path: Path, keys: dict[str, str]) -> None:
    people = [person("ada", keys["ada"], '["A", "B"]'), person("bob", keys["bob"], '["A"]'), person("eve", keys["eve"], '["B", "C"]')]
    assert load_trust(trust(tmp_path, policy(*people, roles='["A", "B", "C"]'))).approvers is not None


def test_a_folder_that_proves_nothing_or_mixes_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is empty"):
        load_trust(tmp_path)
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_trust(tmp_path / "none")
    _, public = new_key(tmp_path / "keys", "gate")
    (tmp_path / "gate.pub.pem").write_bytes(public.pem)
    assert [key.keyid for key in load_trust(tmp_path).gate] == [public.keyid]
    (tmp_path / "release-2.pub.pem").write_bytes(public.pem)
    with pytest.raises(ConfigurationError, match="may sign runs and decisions"):
        load_trust(tmp_path)
    (tmp_path / "release-2.pub.pem").write_bytes(b"no key")
    with pytest.raises(ConfigurationError, match=r"release-2\.pub\.pem cannot be used"):
        load_trust(tmp_path)


def test_the_gates_own_key_is_nobodys(tmp_path: Path, keys: dict[str, str]) -> None:
    path, public = new_key(tmp_path / "keys", "gate")
    (tmp_path / "gate.pub.pem").write_bytes(public.pem)
    line = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, check=True, text=True).stdout  # noqa: S607 - Debian's
    trust(tmp_path, policy(person("ada", keys["ada"]), person("bob", line.strip())))
    with pytest.raises(ConfigurationError, match=r"a key of bob@example\.com is the gate's own"):
        load_trust(tmp_path)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"schema_version = 1 # \xe9\n", b"\xef\xbb\xbfschema_version = 1\n", b"a = 1\x00", b"x" * 1_000_001]
)
def test_what_is_no_text_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / TOML).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"approvers\.toml cannot be used") as caught:
        load_trust(tmp_path)
    assert "\n" not in str(caught.value)
    done = CliRunner().invoke(main, ["trust", str(tmp_path)])
    assert (done.exit_code, "Traceback" in done.output, "internal error" in done.output) == (2, False, False), done.output
    assert not (tmp_path / JSON).exists()


def test_people_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / TOML).mkdir()
    with pytest.raises(ConfigurationError, match=r"approvers\.toml cannot be read"):
        load_trust(tmp_path)
    done = CliRunner().invoke(main, ["trust", str(tmp_path)])
    assert (done.exit_code, "internal error" in done.output) == (2, False), done.output


@pytest.mark.parametrize(
    "stamp", ["2026-02-30T00:00:00Z", "2026-01-01T24:00:01Z", "2026-01-01", "2026-01-01T00:00:00+00:00", "", "٢٠٢٦-01-01T00:00:00Z"]
)
def test_what_is_no_time(stamp: str) -> None:
    assert not is_moment(stamp)
    assert is_moment(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize("name", ["", "1QA", "Q A", "QA\n", "EXCEPTION", "exception", "Q" * 32, "\u0405\u0410", "QA/x", "."])
def test_what_is_no_role(name: str) -> None:
    assert not is_role(name)


def test_a_policy_of_the_wrong_types_is_a_mismatch() -> None:
    for value in (None, 1, {"person": 1}, {"schema_version": "1"}):
        with pytest.raises(Mismatch):
            read_approvers(json.dumps(value, separators=(",", ":")).encode() + b"\n")
