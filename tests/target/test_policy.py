"""Policies: the shipped ones, one's own, and what makes one unusable."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.decide.verdict import Policy
from gate.errors import ConfigurationError
from gate.model import Severity
from gate.target.policy import load_policy


def test_the_shipped_policies() -> None:
    """Contract controls of severity medium and above block under both; hardening only under one."""
    assert load_policy("baseline") == Policy("baseline", Severity.MEDIUM, None)
    assert load_policy("strict") == Policy("strict", Severity.LOW, Severity.LOW)


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("contract", ["low", "medium"])
@pytest.mark.parametrize("hardening", ["low", "medium", "high", "critical", "never"])
def test_a_policy_of_ones_own(contract: str, hardening: str, tmp_path: Path) -> None:
    """Every word means itself; `never` is the only one that switches hardening off."""
    found = load_policy(write(tmp_path, f'name = "mine"\n[block]\ncontract = "{contract}"\nhardening = "{hardening}"\n'))
    assert found == Policy("mine", Severity(contract), None if hardening == "never" else Severity(hardening))


GOOD = 'name = "mine"\n[block]\ncontract = "medium"\nhardening = "never"\n'
UNUSABLE = {
    "an unknown key": (GOOD + "audit = true\n", r"unknown key 'audit' in block"),
    "a misspelt key": (GOOD.replace("hardening", "hardning"), r"unknown key 'hardning' in block.*Did you mean 'hardening'\?"),
    "an unknown key beside the name": ("dry_run = true\n" + GOOD, r"unknown key 'dry_run'"),
    "an unknown severity": (GOOD.replace('"never"', '"moderate"'), r"key 'block.hardening' is \"moderate\"; expected one of low or medium"),
    "a severity in capitals": (GOOD.replace('"never"', '"HIGH"'), r"key 'block.hardening' is \"HIGH\""),
    "an empty severity": (GOOD.replace('"never"', '""'), r"key 'block.hardening' is \"\""),
    "a truth value": (GOOD.replace('"never"', "false"), r"key 'block.hardening' is false"),
    "contract controls switched off": (GOOD.replace('"medium"', '"never"'), r"key 'block.contract' is \"never\""),
    "contract controls from high up": (GOOD.replace('"medium"', '"high"'), r"key 'block.contract' is \"high\""),
    "contract controls from critical up": (GOOD.replace('"medium"', '"critical"'), r"key 'block.contract' is \"critical\""),
    "no contract controls": (GOOD.replace('contract = "medium"\n', ""), r"key 'contract' is missing in block"),
    "no hardening": (GOOD.replace('hardening = "never"\n', ""), r"key 'hardening' is missing in block"),
    "no block": ('name = "mine"\n', r"key 'block' is missing in the file"),
    "no name": (GOOD.replace('name = "mine"\n', ""), r"key 'name' is missing in the file"),
    "a name that could be a path": (GOOD.replace('"mine"', '"../mine"'), r"key 'name' is"),
    "nothing": ("", r"is missing in the file"),
    "no TOML": ("block: medium\n", r"is no valid TOML"),
    "a key twice": (GOOD + 'contract = "low"\n', r"is no valid TOML"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_policy_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    """Nothing unknown becomes a default: one sentence with file and key, exit status 2."""
    text, told = UNUSABLE[case]
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=told) as error:
        load_policy(path)
    assert error.value.sentence.startswith(path)
    assert error.value.exit_status == 2


@pytest.mark.parametrize("name", ["stict", "BASELINE", "", "baseline.toml"])
def test_a_policy_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"there is no policy|does not exist"):
        load_policy(name)


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(str(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(str(path))
