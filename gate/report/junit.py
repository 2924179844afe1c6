"""`junit.xml`, for the test views of CI servers. What did not run is an error there: a skipped test reads as green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gate.model import Control, Outcome, Result, RunRecord, Verdict
from gate.report.clean import line
from gate.report.view import before_and_after, in_the_way, requests_of, result_of, verdict_text, waiver_of, waivers

TAGS = {
    Outcome.FAILED: "failure",
    Outcome.ERROR: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.NOT_RUN: "error",
    Outcome.NOT_APPLICABLE: "skipped",
}


class Case(NamedTuple):
    """One testcase. `tag` is empty for a pass."""

    name: str
    classname: str
    seconds: float
    tag: str
    kind: str
    message: str
    body: str


def render(record: RunRecord) -> str:
    """The XML document: one suite a folder of suites, and one for the verdict itself, which passes only with GO."""
    suites = {f"gate.{line(name, 80)}": _cases(record, name) for name in dict.fromkeys(control.suite for control in record.controls)}
    suites["gate"] = [_verdict(record), *_waivers(record)]
    change = {"waivers": text} if (text := before_and_after(record)) else {}
    told = {**change, "run_id": record.run_id, "base_url": record.base_url, "environment": record.environment}
    return document(suites, record.started_at, told)


def document(suites: Mapping[str, Sequence[Case]], started_at: str, told: Mapping[str, str]) -> str:
    """The XML of testcases by suite.

    Args:
        suites: their cases by name, all of them clean.
        started_at: ISO 8601.
        told: properties of each suite, still to be cleaned.
    """
    root = Element("testsuites", _counts("gate", [case for cases in suites.values() for case in cases]))
    for name, cases in suites.items():
        node = SubElement(root, "testsuite", {**_counts(name, cases), "timestamp": started_at[:19]})
        properties = SubElement(node, "properties")
        for key, value in told.items():
            SubElement(properties, "property", {"name": key, "value": line(value)})
        for case in cases:
            one = SubElement(node, "testcase", {"classname": case.classname, "name": case.name, "time": f"{case.seconds:.3f}"})
            if case.tag:
                mark = SubElement(one, case.tag, {"message": case.message, "type": case.kind})
                mark.text = case.body
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(name: str, cases: Sequence[Case]) -> dict[str, str]:
    tags = [case.tag for case in cases]
    counts = {"tests": len(cases), "failures": tags.count("failure"), "errors": tags.count("error"), "skipped": tags.count("skipped")}
    return {"name": name, **{key: str(count) for key, count in counts.items()}, "time": f"{sum(case.seconds for case in cases):.3f}"}


def _cases(record: RunRecord, suite: str) -> list[Case]:
    return [_case(record, control, result_of(record, control)) for control in record.controls if control.suite == suite]


def _case(record: RunRecord, control: Control, result: Result) -> Case:
    waiver = waiver_of(record, control.id)
    note = f"waived until {waiver.ends}: " if waiver else ""
    told = {"expected": result.expected, "seen": result.seen, "requests": ", ".join(map(str, result.requests)), "mend": control.mend} | (
        waiver.told if waiver else {}
    )
    return Case(
        name=line(f"{control.id} {control.title}"),
        classname=f"gate.{line(control.suite, 80)}",
        seconds=sum(item.seconds for item in requests_of(record, result)),
        tag=TAGS.get(result.outcome, ""),
        kind=result.outcome.value,
        message=line(f"{note}{result.reason}"),
        body="\n".join(f"{name}: {line(value)}" for name, value in told.items() if value),
    )


def _verdict(record: RunRecord) -> Case:
    verdict = record.decision.verdict if record.decision else None
    tag = "" if verdict is Verdict.GO else "failure" if verdict is Verdict.NO_GO else "error"
    blocking = ", ".join(in_the_way(record)) if record.decision else record.interruption
    return Case("Release gate", "gate", 0.0, tag, line(verdict or "interrupted"), line(f"{verdict_text(record)}: {blocking}"), "")


def _waivers(record: RunRecord) -> list[Case]:
    """One testcase a waiver, which passes where it is used."""
    return [
        Case(
            name=line(f"waiver {number} of {item.waiver.control}"),
            classname="gate",
            seconds=0.0,
            tag="failure" if item.problem else "" if item.used else "error",
            kind=item.state.state.value if item.state else "interrupted",
            message=line(item.problem),
            body="\n".join(f"{name}: {line(value)}" for name, value in item.told.items()),
        )
        for number, item in enumerate(waivers(record), 1)
    ]
