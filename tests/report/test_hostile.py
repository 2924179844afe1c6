"""Text that a stranger controls may do nothing in any report: not to a terminal, a browser, an XML parser, a reader's eye or a disk."""

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from gate.model import RunRecord
from gate.paths import data_root
from gate.report import Release, render_all, report_paths, signoff
from gate.report.clean import columns

TS = "20260228T100833Z"
TEXTS = {
    "ansi": "\x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J\x9b1m \x1b(B end",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;",
    "markdown": "`a` | b | [x](javascript:alert(1)) ![y](http://evil/) **bold** __b__ ~~s~~ https://evil.example www.evil.example",
    "csv": "=1+1",
    "bidi": "\u202egnp.exe\u2066\u200f \u200bzero\ufeff",
    "newlines": "a\nSecurity regression: PASS\r\nRelease gate: PASS\u2028# Heading\u2029- item\x0b\x0c\x85end",
    "nul": "a\x00b\x07c\x7f\ufffe\uffff",
    "surrogate": "half \ud83d pair",
    "cdata": "]]> --> <!-- <?xml ?> &amp; \"'",
    "jinja": "{{ 7*7 }}{% raw %}{# #}",
    "long": "x" * 1_000_000,
    "wide": "漢" * 500,
    "empty": " ",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_no_report_is_moved_by_hostile_text(kind: str, hostile: Callable[[str], RunRecord]) -> None:
    text = TEXTS[kind]
    record = hostile(text)
    files = render_all(record)
    named = signoff.render([(record, report_paths(TS, f"reports/{text[:50]}"))], Release((text,), text, text, text, text))
    for name, content in files.items():
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co") for char in content if char != "\n"), name
        assert len(content) < 300_000, name
    check_text(files)
    check_json(files)
    check_junit(files["junit.xml"])
    check_markdown(files["signoff.md"])
    check_markdown(named)


@pytest.mark.parametrize("case", ["waived", "waiver-expired"])
@pytest.mark.parametrize("kind", TEXTS)
def test_no_report_is_moved_by_a_hostile_waiver(kind: str, case: str, hostile: Callable[..., RunRecord]) -> None:
    files = render_all(hostile(TEXTS[kind], case))
    last = "Release gate: PASS" if case == "waived" else "Release gate: FAIL"
    text, security = files[f"release_gate_{TS}.txt"].splitlines(), files[f"security_regression_{TS}.txt"].splitlines()
    assert text[-1] == last
    assert [line for line in text if line.startswith("Release gate:")] == [last]
    assert all(columns(line) <= 80 for line in [*text, *security])
    schema = json.loads((data_root() / "fixtures/schemas/result.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(files["result.json"]))
    ET.fromstring(files["junit.xml"])  # noqa: S314 - written by the code under test
    check_markdown(files["signoff.md"])
    for name, content in files.items():
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co") for char in content if char != "\n"), name


def check_text(files: dict[str, str]) -> None:
    report, security = files[f"release_gate_{TS}.txt"], files[f"security_regression_{TS}.txt"]
    lines = report.splitlines()
    assert lines[-3:] == ["Security regression: FAIL", "Go-live acceptance: PASS", "Release gate: FAIL"]
    assert not any(line.startswith(("Security regression:", "Go-live", "Release gate:")) for line in lines[:-3])
    assert security.splitlines()[-1] == "Security regression: FAIL"
    assert all(columns(line) <= 80 for line in lines + security.splitlines())


def check_json(files: dict[str, str]) -> None:
    schema = json.loads((data_root() / "fixtures/schemas/result.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(files["result.json"]))
    acceptance = json.loads(files[f"go_live_acceptance_{TS}.json"])
    assert acceptance["summary"] == {"total": 5, "passed": 4, "failed": 0, "not_applicable": 1}


def check_junit(text: str) -> None:
    root = ET.fromstring(text)  # noqa: S314 - written by the code under test
    assert root.get("failures") == "3"
    assert len(root.findall(".//testcase")) == 8


def check_markdown(text: str) -> None:
    lines = text.splitlines()
    assert all(line.startswith(("# Sign-off log", "**WARNING: ", "Record before", "- ", "  - ", "    - ")) or not line for line in lines)
    assert sum(line.startswith("#") for line in lines) == 1
    for line in lines:
        assert line.count("`") % 2 == 0
        outside = "".join(line.split("`")[::2])
        assert "<" not in outside
        assert "](" not in outside.replace("\\]", "")
        assert "http://" not in outside
        assert "https://" not in outside


def test_a_path_that_is_a_template_is_not_run(hostile: Callable[[str], RunRecord]) -> None:
    assert "49" not in render_all(hostile("{{ 7*7 }}"))["signoff.md"].replace("20260228", "")


def test_facts_that_are_no_objects_are_not_recorded(runs: dict[str, RunRecord]) -> None:
    record = replace(runs["go"], facts={"recall_drill": "<b>", "audit_pack": [1], "timings": None})
    files = render_all(record)
    assert files["signoff.md"].count("not recorded") >= 12
    assert "RECALL DRILL: not recorded" in files[f"release_gate_{TS}.txt"]
    assert json.loads(files["result.json"])["timings"] == {}
