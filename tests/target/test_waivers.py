"""The file of waivers: a right one, and everything that makes one unusable."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.errors import ConfigurationError
from gate.model import Waiver
from gate.target.settings import load_settings
from gate.target.waivers import load_waivers
from tests.target.support import without

GOOD = """
[[waiver]]
control = "CORS-006"
fingerprint = "0123456789abcdef"
reason = "The cache in front is replaced next week."
risk = "A browser may show a page of another origin's answer."
requester = "Ada Lovelace <ada@example.com>"
approver = "Grace Hopper"
ticket = "OPS-42"
from = 2026-03-01
until = 2026-05-30
"""
EXPECTED = Waiver(
    "CORS-006",
    "0123456789abcdef",
    "The cache in front is replaced next week.",
    "A browser may show a page of another origin's answer.",
    "Ada Lovelace <ada@example.com>",
    "Grace Hopper",
    "OPS-42",
    "2026-03-01",
    "2026-05-30",
)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "waivers.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_no_file_and_files_without_waivers(tmp_path: Path) -> None:
    assert load_waivers(None) == ()
    assert load_waivers(write(tmp_path, "")) == ()
    assert load_waivers(write(tmp_path, "# none at present\nwaiver = []\n")) == ()


def test_a_waiver_is_read_as_it_stands(tmp_path: Path) -> None:
    assert load_waivers(write(tmp_path, GOOD)) == (EXPECTED,)
    assert len(load_waivers(write(tmp_path, GOOD * 3))) == 3


def test_what_only_a_run_can_tell_is_left_to_it(tmp_path: Path) -> None:
    """Unknown controls, over-long and self-approved ones are findings that block, not errors of the file."""
    text = GOOD.replace("CORS-006", "NOWHERE-1").replace("Grace Hopper", "ada lovelace").replace("2026-05-30", "2036-05-30")
    assert load_waivers(write(tmp_path, text))[0].control == "NOWHERE-1"


def without_key(name: str) -> str:
    return "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(name))


KEYS = ("control", "fingerprint", "reason", "risk", "requester", "approver", "ticket", "from", "until")
UNUSABLE: dict[str, tuple[str | bytes, str]] = {
    **{f"no {key}": (without_key(key), rf"key '{key}' is missing in waiver\.0") for key in KEYS},
    **{
        f"blank {key}": (
            without_key(key) + f'{key} = " - "\n',
            rf"key 'waiver\.0\.{key}' is .*expected text with at least one letter or digit",
        )
        for key in KEYS[2:7]
    },
    **{
        f"{key} in quotes": (without_key(key) + f'{key} = "2026-03-01"\n', rf"'waiver\.0\.{key}' is 2026-03-01; .*without quotes")
        for key in KEYS[7:]
    },
    **{
        f"{key} with a time": (without_key(key) + f"{key} = 2026-03-01T10:00:00Z\n", rf"key 'waiver\.0\.{key}' is 2026-03-01 10:00")
        for key in KEYS[7:]
    },
    "a number for a day": (
        without_key("until") + "until = 20260301\n",
        r"key 'waiver\.0\.until' is 20260301; expected a day without quotes",
    ),
    "a day that does not exist": (GOOD.replace("2026-05-30", "2026-02-30"), r"is no valid TOML"),
    "an end before its beginning": (
        GOOD.replace("2026-05-30", "2026-02-28"),
        r"is 2026-02-28, before its beginning; expected 2026-03-01 or later",
    ),
    "an unknown key": (GOOD + 'severity = "low"\n', r"unknown key 'severity' in waiver\.0"),
    "a misspelt key": (GOOD.replace("approver", "aprover"), r"unknown key 'aprover' in waiver\.0.*Did you mean 'approver'\?"),
    "a misspelt table": (GOOD.replace("[[waiver]]", "[[waivers]]"), r"unknown key 'waivers' in the file.*Did you mean 'waiver'\?"),
    "an unknown key beside the waivers": ("enabled = true\n" + GOOD, r"unknown key 'enabled' in the file"),
    "one table for the list": (GOOD.replace("[[waiver]]", "[waiver]"), r"key 'waiver' is .*expected a value of type array"),
    "a list of texts": ('waiver = ["CORS-006"]\n', r"key 'waiver\.0' is \"CORS-006\"; expected a value of type object"),
    "a list of lists": ("waiver = [[2026-03-01]]\n", r"key 'waiver\.0' is .*expected a value of type object"),
    "a wildcard": (GOOD.replace('"CORS-006"', '"CORS-*"'), r"key 'waiver\.0\.control' is \"CORS-\*\"; expected a control's id"),
    "several controls": (GOOD.replace('"CORS-006"', '["CORS-006", "CORS-007"]'), r"key 'waiver\.0\.control' is"),
    "a fingerprint that is none": (GOOD.replace("0123456789abcdef", "*"), r"key 'waiver\.0\.fingerprint' is .*16 hexadecimal digits"),
    "a fingerprint in capitals": (GOOD.replace("abcdef", "ABCDEF"), r"key 'waiver\.0\.fingerprint' is"),
    "a fingerprint with a line's end": (GOOD.replace('abcdef"', 'abcdef\\n"'), r"key 'waiver\.0\.fingerprint' is"),
    "a number for a fingerprint": (
        GOOD.replace('"0123456789abcdef"', "1234567890123456"),
        r"key 'waiver\.0\.fingerprint' is 1234567890123456",
    ),
    "invisible characters for a reason": (
        GOOD.replace("The cache in front is replaced next week.", "\u200b\u2060"),
        r"key 'waiver\.0\.reason' is",
    ),
    "a novel for a reason": (GOOD.replace("The cache in front", "x" * 2001), r"key 'waiver\.0\.reason' is .*2000 characters"),
    "a fault in the second one": (GOOD + GOOD.replace('"OPS-42"', "42"), r"key 'waiver\.1\.ticket' is 42"),
    "too many": (GOOD * 501, r"key 'waiver' is .*500 entries at most"),
    "no TOML": ("waiver: CORS-006\n", r"is no valid TOML"),
    "a key twice": (GOOD + 'ticket = "OPS-43"\n', r"is no valid TOML"),
    "no text": (b"\xff\xfe", r"cannot be read"),
    "nested without end": ("waiver = " + "[" * 5000, r"cannot be read|is no valid TOML"),
    "what `gate waive` leaves open": (GOOD.replace('reason = "The', '# TO DO: reason = ... "The'), r"key 'reason' is missing in waiver\.0"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    """One sentence with the file and the key, exit status 2."""
    text, told = UNUSABLE[case]
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=told) as error:
        load_waivers(path)
    assert error.value.sentence.startswith(str(path))
    assert "\n" not in error.value.sentence
    assert len(error.value.sentence) < 600
    assert error.value.exit_status == 2


@pytest.mark.parametrize("name", ["nowhere.toml", ".", "a\x00b"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"does not exist|cannot be read"):
        load_waivers(tmp_path / name)


def test_where_the_file_is_named(tmp_path: Path) -> None:
    """Command line, GATE_WAIVERS, gate.toml; nowhere: there are none."""
    assert load_settings({}, without(), tmp_path).waivers is None
    (tmp_path / "gate.toml").write_text('waivers = "c.toml"\n')
    assert load_settings({}, without(), tmp_path).waivers == Path("c.toml")
    assert load_settings({}, without(GATE_WAIVERS="b.toml"), tmp_path).waivers == Path("b.toml")
    assert load_settings({"waivers": "a.toml"}, without(GATE_WAIVERS="b.toml"), tmp_path).waivers == Path("a.toml")
