"""The lock file: everything that pyproject.toml asks for, pinned, with hashes, from nowhere in particular."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
PINS = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK, re.MULTILINE))


def wanted() -> list[str]:
    """Every requirement of the project file: base, extras, groups, build backend."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    lists = [project["project"]["dependencies"], project["build-system"]["requires"], *extras, *project["dependency-groups"].values()]
    return sorted({requirement for requirements in lists for requirement in requirements})


@pytest.mark.parametrize("text", wanted())
def test_what_the_project_asks_for_is_pinned_as_it_asks(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), "call ./run lock"


def test_every_pin_has_its_hashes():
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINS)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_it_says_how_it_is_made_and_nothing_of_where():
    assert LOCK.splitlines()[1] == "#    ./run lock"
    assert "://" not in LOCK
    assert not re.search(r"^--", LOCK, re.MULTILINE)
