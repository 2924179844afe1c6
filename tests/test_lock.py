"""The lock files: everything that pyproject.toml asks for, pinned, with hashes, from nowhere in particular."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
PINS = {name: dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE)) for name, text in LOCKS.items()}


def groups(*names: str) -> list[str]:
    """The requirements of these dependency groups; one that another includes has to be named too."""
    return [item for name in names for item in PROJECT["dependency-groups"][name] if isinstance(item, str)]


def wanted() -> list[tuple[str, str]]:
    """What each lock is to hold: use alone, and with everything to work on the gate."""
    extras = PROJECT["project"]["optional-dependencies"]
    use = {*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"], *extras["reference"], *groups("setup")}
    dev = {*use, *(item for extra in extras.values() for item in extra), *groups(*PROJECT["dependency-groups"])}
    return [*(("requirements.lock", item) for item in sorted(use)), *(("requirements-dev.lock", item) for item in sorted(dev))]


@pytest.mark.parametrize(("lock", "text"), wanted())
def test_what_the_project_asks_for_is_pinned_as_it_asks(lock, text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINS[lock][canonicalize_name(requirement.name)]), "call ./run lock"


def test_users_get_the_versions_that_are_tested():
    assert PINS["requirements.lock"].items() <= PINS["requirements-dev.lock"].items()


def test_users_get_nothing_that_only_works_on_the_gate():
    tools = {canonicalize_name(Requirement(item).name) for item in groups("dev")}
    assert tools
    assert not tools & PINS["requirements.lock"].keys()


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_hashes(name):
    blocks = re.split(r"^(?=[a-z0-9])", LOCKS[name], flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINS[name])
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", LOCKS)
def test_it_says_how_it_is_made_and_nothing_of_where(name):
    assert LOCKS[name].splitlines()[1] == "#    ./run lock"
    assert "://" not in LOCKS[name]
    assert not re.search(r"^--", LOCKS[name], re.MULTILINE)
