"""Text that a stranger controls, in the formats for other tools and in `gate diff`."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft7Validator
from trestle.oscal.assessment_results import AssessmentResults

from gate.model import RunRecord
from gate.report import github
from gate.report.all import FORMATS
from gate.report.compare import compare
from gate.report.diff import FORMATS as PAGES

SCHEMAS = Path(__file__).parent / "schemas"
CTRF = Draft7Validator(json.loads((SCHEMAS / "ctrf-1.0.0.json").read_text()))
SARIF = Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()))
TEXTS = {
    "ansi": "\x1b[31mRED\x1b[0m \x1b]0;title\x07 \x9b1m end",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x",
    "markdown": "`a` | b | [x](javascript:alert(1)) ![y](http://evil/) **bold** https://evil.example",
    "bidi": "\ufeff\u202egnp.exe\u2066\u200f \u200bzero\ufeff",
    "newlines": "a\n## Heading\r\n::error::x\n| a | b |\n\u2028- item\x0b\x0c\x85end",
    "command": "##[add-mask]x ::stop-commands::y %0A::error::z",
    "nul": "a\x00b\x07c\x7f\ufffe\uffff",
    "surrogate": "half \ud83d pair",
    "cdata": "]]> --> <!-- <?xml ?> &amp; \"'",
    "jinja": "{{ 7*7 }}{% raw %}{# #}",
    "long": "x" * 1_000_000,
    "wide": "漢" * 500,
    "empty": " ",
    "nothing visible": "\u200b\x00",
}
CASES = ("no-go", "waived", "interrupted")


def strings(value: Any) -> Iterator[str]:
    """Every text of a JSON value, keys included."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def clean(text: str) -> bool:
    return all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co") for char in text)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", TEXTS)
def test_hostile_text_moves_no_format(kind: str, case: str, hostile: Callable[..., RunRecord]) -> None:
    record = hostile(TEXTS[kind], case)
    documents = {name: json.loads(FORMATS[name](record)) for name in ("ctrf", "sarif", "gitlab", "oscal")}
    for name, document in documents.items():
        assert all(clean(text) and len(text) <= 600 for text in strings(document)), name
        assert len(FORMATS[name](record)) < 300_000
    CTRF.validate(documents["ctrf"])
    SARIF.validate(documents["sarif"])
    AssessmentResults.model_validate(documents["oscal"]["assessment-results"])
    assert all(entry["description"] and entry["location"]["path"] for entry in documents["gitlab"])
    check_markdown(github.render(record))


def check_markdown(text: str) -> None:
    """Headings, tables and links are those that we wrote."""
    for line in text.splitlines():
        assert clean(line)
        assert line == "```" or line.count("`") % 2 == 0
        outside = "".join(line.split("`")[::2])
        assert not re.search(r"<|\]\(|https?://|(?<!\\)!\[", outside.replace("\\]", "").replace("\\[", ""))
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 5, 6), line
    headings = [line for line in text.splitlines() if line.startswith("#")]
    known = "(?:Release gate|Stands in the way|Reported, does not block|Waivers|Changes between two runs|[A-Z][a-z ]+: [0-9]+$)"
    assert all(re.match(f"#+ {known}", line) for line in headings)


class Tags(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(f"@{name}" for name, _ in attrs)}


@pytest.mark.parametrize("kind", TEXTS)
def test_hostile_text_moves_no_comparison(kind: str, hostile: Callable[..., RunRecord], runs: dict[str, RunRecord]) -> None:
    for found in (compare(runs["go"], hostile(TEXTS[kind])), compare(hostile(TEXTS[kind], "waived"), runs["interrupted"])):
        pages = {name: render(found) for name, render in PAGES.items()}
        assert all(clean(text) for text in strings(json.loads(pages["json"])))
        assert all(clean(line) for name in ("text", "markdown", "html") for line in pages[name].split("\n"))
        assert all(len(page) < 100_000 for page in pages.values())
        check_markdown(pages["markdown"])
        tags = Tags()
        tags.feed(pages["html"])
        assert not tags.seen & {"script", "img", "b", "a", "@onerror", "@onload", "@src", "@href"}
        assert "49" not in pages["html"].replace("20260228", "") or kind != "jinja"
