"""Broken bundles for `test_verifiers_agree.py`: folder, bag, journal, reports and the gate's statement (steps 1 to 9)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gate.evidence.verify import State
from tests.evidence import broken as b
from tests.evidence.broken import Lab
from tests.evidence.test_verify import INCOMPLETE, INVALID, UNTRUSTED, edit_json, journal, rebag, rebag_only, reseal, undecide

Change = Callable[[Path, Lab], object]
Case = tuple[Change, State, int]
Entries = list[dict[str, Any]]
GATE = "attestations/gate.dsse.json"


def then(*changes: Change) -> Change:
    """One after the other."""

    def do(bundle: Path, lab: Lab) -> None:
        for change in changes:
            change(bundle, lab)

    return do


def add(name: str, text: str = "x") -> Change:
    """A file more."""
    return lambda p, _: (p / name).write_text(text)


def edit(name: str, change: Callable[[bytes], bytes]) -> Change:
    """A file in other bytes."""
    return lambda p, _: (p / name).write_bytes(change((p / name).read_bytes()))


def unlink(*names: str) -> Change:
    """Papers taken away."""

    def do(bundle: Path, _: Lab) -> None:
        for name in names:
            (bundle / "attestations" / name).unlink()

    return do


def emptied(name: str) -> Change:
    """A folder with nothing in it."""

    def do(bundle: Path, _: Lab) -> None:
        shutil.rmtree(bundle / name)
        (bundle / name).mkdir()

    return do


def pipe(name: str) -> Change:
    """An entry that blocks whoever opens it."""
    return lambda p, _: os.mkfifo(p / name)


def linked(name: str) -> Change:
    """A folder behind a link."""
    return lambda p, _: b.folder_link(p / name)


FOLDER: dict[str, Case] = {
    "a report emptied": (edit("data/junit.xml", lambda _: b""), INVALID, 2),
    "a report cut": (edit("data/junit.xml", lambda x: x[:-1]), INVALID, 2),
    "a name with a line break": (add("data/a\n$(touch x)"), INVALID, 1),
    "a name that looks like an option": (add("data/-rf"), INVALID, 1),
    "a name that is hidden": (add(".hidden"), INVALID, 1),
    "a name with other letters": (add("data/ä.txt"), INVALID, 1),
    "a pipe beside": (pipe("pipe"), INVALID, 1),
    "a pipe among the papers": (pipe("attestations/gate.json"), INVALID, 1),
    "a pipe among the approvals": (pipe("attestations/approvals/04-Release.json"), INVALID, 1),
    "a link to nowhere": (lambda p, _: (p / "attestations/gate.json").symlink_to("/nonexistent"), INVALID, 1),
    "papers behind a link": (linked("attestations"), INVALID, 1),
    "approvals behind a link": (linked("attestations/approvals"), INVALID, 1),
    "data behind a link": (linked("data"), INVALID, 1),
    "no approvals in their folder": (emptied("attestations/approvals"), INVALID, 1),
    "an empty data folder": (emptied("data"), INVALID, 1),
    "an empty bundle": (emptied("."), INVALID, 1),
    "a byte of nothing in bag-info": (edit("bag-info.txt", lambda x: x.replace(b"Oxum: ", b"Oxum: \0")), INVALID, 2),
    "a byte of nothing in a manifest": (edit("manifest-sha256.txt", lambda x: x.replace(b"  ", b"\0  ", 1)), INVALID, 3),
    "two sums in bag-info": (edit("bag-info.txt", lambda x: x * 2), INVALID, 2),
    "a manifest without its last newline": (edit("manifest-sha256.txt", lambda x: x[:-1]), INVALID, 3),
    "a manifest in binary mode": (edit("manifest-sha256.txt", lambda x: x.replace(b"  ", b" *")), INVALID, 3),
    "a manifest with a file twice": (edit("manifest-sha256.txt", lambda x: x + x.splitlines(keepends=True)[-1]), INVALID, 3),
    "a manifest in another order": (edit("manifest-sha256.txt", lambda x: b"".join(x.splitlines(keepends=True)[::-1])), INVALID, 3),
    "an empty tag manifest": (edit("tagmanifest-sha256.txt", lambda _: b""), INVALID, 4),
}


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """The journal in other lines, the manifests done anew."""
    return lambda p, _: rebag_only(journal(p, change))


def last(old: bytes, new: bytes) -> Change:
    """The journal's last line in other bytes, the manifests done anew."""
    return lines(lambda x: [*x[:-1], x[-1].replace(old, new)])


def chained(change: Callable[[Entries], object]) -> Change:
    """The chain anew, the statement not: only for what steps 5 to 7 find."""

    def do(bundle: Path, _: Lab) -> None:
        b.rechain(bundle, change)
        rebag_only(bundle)

    return do


def told(event: str, **fields: Any) -> Change:
    """Other fields in the first event of that kind."""
    return chained(lambda e: b.data_of(e, event).update(fields))


def rewritten(change: Callable[[Entries], object]) -> Change:
    """Everything anew, by whoever has the gate's key."""
    return lambda p, lab: b.rewritten(p, lab.made, change)


def put(name: str, change: Callable[[str], str]) -> Change:
    """A report in other words, the bag and the statement anew; `*` stands for the run's time."""

    def do(bundle: Path, lab: Lab) -> None:
        path = next((bundle / "data").glob(name))
        b.put(bundle, path.name, change(path.read_text()), lab.made)

    return do


def instead_of_the_end(entries: Entries) -> None:
    entries[-1] |= {"event": "run.interrupted", "data": {"reason": "SIGINT"}}


def numbers(entries: Entries) -> None:
    values = [1e21, 1.5e300, 1e-7, 0.000001, 123456789.125, -2.5e-9, 9007199254740991, 0.1, 5e-324, {"é\x7f\u2028": "\x01\U0001f600"}]
    entries.insert(2, {**entries[2], "event": "fact", "data": {"name": "n", "value": values}})


JOURNAL: dict[str, Case] = {
    "lines swapped": (lines(lambda x: [*x[:2], x[3], x[2], *x[4:]]), INVALID, 5),
    "a line doubled": (lines(lambda x: [*x[:3], x[2], *x[3:]]), INVALID, 5),
    "a line edited": (lines(lambda x: [*x[:3], x[3].replace(b'"measured":1', b'"measured":2'), *x[4:]]), INVALID, 5),
    "an empty line": (lines(lambda x: [*x, b"\n"]), INVALID, 5),
    "half a line after the verdict": (lines(lambda x: [*x, b"{"]), INVALID, 5),
    "half a line instead of the verdict": (lambda p, _: b.half(p), INCOMPLETE, 5),
    "no journal": (lines(lambda _: []), INVALID, 5),
    "bytes that are no text": (lines(lambda x: [x[0].replace(b"baseline", b"base\xffine"), *x[1:]]), INVALID, 5),
    "a space in the last line": (last(b'"at":', b'"at": '), INVALID, 5),
    "a key twice in the last line": (last(b'{"at":', b'{"at":"x","at":'), INVALID, 5),
    "an escape too many": (last(b'"GO"', b'"\\u0047O"'), INVALID, 5),
    "a number in another form": (last(b'"exit_status":0', b'"exit_status":0.0'), INVALID, 5),
    "an unknown event": (chained(lambda e: e.insert(2, {**e[0], "event": "other"})), INVALID, 5),
    "an unknown field": (told("outcome", more=1), INVALID, 5),
    "a field of another kind": (told("outcome", measured="1"), INVALID, 5),
    "a pass without a measurement": (told("outcome", measured=0), INVALID, 5),
    "a control that is not planned": (told("outcome", control="Z-1"), INVALID, 5),
    "a second plan": (chained(lambda e: e.insert(2, e[1])), INVALID, 5),
    "an outcome before the plan": (chained(lambda e: e.insert(1, e.pop(2))), INVALID, 5),
    "a time that is none": (chained(lambda e: e[2].update(at="2026-02-30T10:08:33.000Z")), INVALID, 5),
    "a time in other digits": (chained(lambda e: e[2].update(at="2026-02-2\u0668T10:08:33.000Z")), INVALID, 5),
    "a bundle in other digits": (told("run.started", bundle="2026022\u0668T100833Z"), INVALID, 5),
    "another status than the verdict's": (told("verdict", exit_status=10), INVALID, 5),
    "an interrupted run": (chained(instead_of_the_end), INCOMPLETE, 5),
    "a run that only began": (chained(lambda e: e.__delitem__(slice(1, None))), INCOMPLETE, 5),
    "an outcome edited, the verdict not": (told("outcome", outcome="failed", reason="r"), INVALID, 6),
    "an outcome gone, the verdict not": (chained(lambda e: e.pop(2)), INVALID, 6),
    "a criterion edited": (chained(lambda e: b.data_of(e, "verdict")["criteria"][1].update(verdict=None)), INVALID, 6),
    "a stricter policy": (chained(lambda e: b.data_of(e, "plan")["terms"].update(hardening="low")), INVALID, 8),
    "another run's reports": (told("run.started", bundle="20260228T100834Z"), INVALID, 7),
    "what the gate could have written": (rewritten(lambda e: b.data_of(e, "outcome").update(measured=7)), INCOMPLETE, 11),
    "numbers of every form": (rewritten(numbers), INCOMPLETE, 11),
    "a report with a line more": (put("release_gate_*.txt", lambda _: "Release gate: FAIL\n"), INVALID, 7),
    "a verdict without a newline after the verdict": (put("release_gate_*.txt", lambda x: x + "Release gate: FAIL"), INVALID, 7),
    "a result with another verdict": (put("result.json", lambda _: '{"verdict": "NO-GO"}'), INVALID, 7),
    "a result with two verdicts": (put("result.json", lambda _: '{"verdict": "NO-GO", "verdict": "GO"}'), INVALID, 7),
    "a result that is none": (put("result.json", lambda _: "GO"), INVALID, 7),
    "a large result": (put("result.json", lambda _: json.dumps({"verdict": "GO", "more": ["x" * 1000] * 9000})), INCOMPLETE, 11),
}


def enveloped(change: Callable[[Any], object]) -> Change:
    """Another envelope around the gate's statement."""
    return lambda p, _: edit_json(p / GATE, change)


def signed(payload: Callable[[bytes], bytes]) -> Change:
    """The gate's statement in other bytes, truly signed."""
    return lambda p, lab: b.raw_envelope(p, lab.made, payload(b.payload(p)))


def stated(**words: Any) -> Change:
    """The gate's own words in its statement, truly signed."""
    return lambda p, lab: reseal(p, "gate.dsse.json", lab.made.gate, lambda s: s["predicate"]["gate"].update(words))


def nobody_decided(bundle: Path, _: Lab) -> None:
    """Neither approvals nor a decision."""
    undecide(bundle)
    shutil.rmtree(bundle / "attestations" / "approvals")


STATEMENT: dict[str, Case] = {
    "no statement": (unlink("gate.dsse.json"), INVALID, 8),
    "an empty statement": (edit(GATE, lambda _: b""), INVALID, 8),
    "a statement in two lines": (edit(GATE, lambda x: x + b"\n"), INVALID, 8),
    "a signed statement with spaces": (signed(lambda x: json.dumps(json.loads(x), sort_keys=True).encode()), INVALID, 8),
    "a signed statement with a key twice": (signed(lambda x: x.replace(b'{"_type"', b'{"_type":"x","_type"', 1)), INVALID, 8),
    "a signed statement with a newline": (signed(lambda x: x + b"\n"), INVALID, 8),
    "a signed statement that is no JSON": (signed(lambda _: b"\xff"), INVALID, 8),
    "the same again": (then(nobody_decided, signed(lambda x: x)), INCOMPLETE, 11),
    "a bundle before in another folder": (stated(previous={"bundle": "../../etc", "sha256": "ab"}), INVALID, 8),
    "another operator": (stated(operator="nobody"), INVALID, 8),
    "another payload type": (enveloped(lambda e: e.update(payloadType="text/plain")), INVALID, 8),
    "two signatures": (enveloped(lambda e: e["signatures"].append(e["signatures"][0])), INVALID, 8),
    "no copy of the gate's key": (unlink("gate.pub.pem"), INVALID, 9),
    "another copy of the gate's key": (
        lambda p, lab: (p / "attestations/gate.pub.pem").write_bytes(lab.made.release.public.pem),
        INVALID,
        9,
    ),
    "a copy of the key with a remark": (edit("attestations/gate.pub.pem", lambda x: x + b"remark\n"), INVALID, 9),
    "a stranger's statement": (lambda p, lab: rebag(p, lab.made, key=lab.stranger), UNTRUSTED, 9),
    "a bundle nobody signed for": (lambda p, lab: rebag(p, lab.made), INCOMPLETE, 11),
}
