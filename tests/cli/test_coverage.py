"""No gap without a decision: every class of faults has a control, a test of the gate, or a reason, and never a control and an excuse."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_controls import ROOT, call

TABLE: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "fixtures/coverage.toml").read_text())
ROWS = {key: item for group in TABLE.values() for key, item in group.items() if key != "title"}
REASONED = {key for key, item in ROWS.items() if isinstance(item, dict) and item.get("reason")}
TESTS = sorted({test for item in ROWS.values() if isinstance(item, dict) for test in item.get("tests", ())})


@pytest.fixture(scope="module")
def page() -> str:
    done = call("controls", "--coverage")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def cells(page: str) -> dict[str, str]:
    """What the page says of each row."""
    found = re.findall(r"^\| ([A-Z]\d+) \| .*? \| (.*) \|$", page, re.MULTILINE)
    assert len(found) == len(ROWS)
    return dict(found)


def test_the_page_is_what_the_command_prints(page):
    message = "docs/COVERAGE.md is old; make it anew: .venv/bin/gate controls --coverage > docs/COVERAGE.md"
    assert (ROOT / "docs/COVERAGE.md").read_text() == page, message


def test_every_row_is_decided(page):
    undecided = [key for key, cell in cells(page).items() if "undecided" in cell]
    assert undecided == [], "give a control `covers`, or the row in fixtures/coverage.toml its reason"


def test_no_row_has_a_control_and_an_excuse(page):
    both = [key for key, cell in cells(page).items() if key in REASONED and not cell.startswith("*none:*")]
    assert both == [], "a control catches it now: take the reason out of fixtures/coverage.toml"


def test_the_rows_are_complete_and_each_is_in_its_group():
    numbers = {letter: sorted(int(key[1:]) for key in group if key != "title") for letter, group in TABLE.items()}
    assert "".join(numbers) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert all(key[0] == letter for letter, group in TABLE.items() for key in group if key != "title")
    assert len(ROWS) == 277


def test_a_row_says_nothing_else():
    assert {name for item in ROWS.values() if isinstance(item, dict) for name in item} == {"title", "tests", "reason"}
    titles = [item if isinstance(item, str) else item["title"] for item in ROWS.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("test", TESTS)
def test_the_tests_exist(test):
    path, _, name = test.partition("::")
    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_a_row_whose_controls_the_profile_lacks_says_so(tmp_path):
    text = (ROOT / "fixtures/profiles/supply_intel.toml").read_text()
    start = text.index("[cors]")
    profile = Path(tmp_path) / "other.toml"
    profile.write_text(text[:start] + text[text.index("\n\n", start) :])
    assert (
        cells(call("controls", "--coverage", "--profile", str(profile)).stdout)["J3"] == "*none:* the profile has not what CORS-002 needs"
    )
