"""Replay: what is not exactly what the journal writes is no evidence."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from gate.errors import EvidenceError
from gate.evidence import replay
from gate.model import Outcome, Result, Verdict

Events = list[tuple[str, dict[str, Any]]]
Write = Callable[[Events], Path]


def test_a_run_comes_back_as_it_was(events: Events, write: Write) -> None:
    record = replay(write(events))
    assert [control.id for control in record.controls] == ["A-1", "A-2"]
    assert record.controls[0] == events[1][1]["controls"][0]
    assert record.results["A-1"] == Result("A-1", Outcome.PASSED, measured=1, requests=(0, 1))
    assert record.results["A-2"] == Result("A-2", Outcome.NOT_APPLICABLE, "no such feature")
    assert [line.number for line in record.ledger] == [0, 1]
    assert isinstance(record.ledger[0].seconds, float)
    assert record.facts == {"burst": {"sent": 10}}
    assert record.triggers == tuple(events[6][1]["triggers"])
    assert record.decision is not None
    assert record.decision.verdict is Verdict.GO
    assert (record.started_at, record.finished_at) == ("2026-02-28T10:08:33.999Z", "2026-02-28T10:08:34.006Z")
    assert record.interruption is None


def test_results_and_ledger_have_one_order_whatever_the_threads_did(events: Events, write: Write) -> None:
    events[2], events[3] = events[3], events[2]
    record = replay(write(events))
    assert list(record.results) == ["A-1", "A-2"]
    assert [line.number for line in record.ledger] == [0, 1]


@pytest.mark.parametrize("kept", range(1, 8))
def test_without_a_verdict_it_is_an_interrupted_run(kept: int, events: Events, write: Write) -> None:
    record = replay(write(events[:kept]))
    assert (record.decision, record.finished_at) == (None, None)
    assert record.interruption is not None
    assert "without a verdict" in record.interruption


def test_the_reason_of_an_interruption_is_kept(events: Events, write: Write) -> None:
    record = replay(write([*events[:5], ("run.interrupted", {"reason": "SIGTERM"})]))
    assert record.interruption == "SIGTERM"


def test_every_truncation_is_interrupted_or_refused_and_never_a_verdict(events: Events, write: Write) -> None:
    path = write(events)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for length in sorted({*range(0, len(whole), 3), *ends[:-1], *(end - 1 for end in ends)}):
        path.write_bytes(whole[:length])
        if length < first:
            with pytest.raises(EvidenceError, match="holds no run"):
                replay(path)
            continue
        record = replay(path)
        assert record.decision is None
        assert record.interruption
        assert whole[length - 1 : length] == b"\n" or "in the middle of line" in record.interruption


def test_no_flipped_bit_goes_unnoticed(events: Events, write: Write) -> None:
    """Except in the last line, which no later line names: there the head differs, which the bundle's manifest holds."""
    path = write(events)
    whole = path.read_bytes()
    head = replay(path).head
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :])
        try:
            record = replay(path)
        except EvidenceError:
            continue
        assert record.head != head
        assert position >= whole.rindex(b"\n", 0, len(whole) - 1)


@pytest.mark.parametrize("number", range(8))
def test_a_missing_doubled_or_moved_line_is_named(number: int, events: Events, write: Write) -> None:
    path = write(events)
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (lines[:number] + lines[number + 1 :] + [b""], lines[: number + 1] + lines[number:]):
        if changed[:-1] == lines[:-1]:
            continue  # only the end is missing: an interrupted run
        path.write_bytes(b"".join(changed))
        with pytest.raises(EvidenceError, match=rf"line {number + 1} of|line {number + 2} of"):
            replay(path)


def rewrite(path: Path, number: int, change: Callable[[dict[str, Any]], object], *, rechain: bool = True) -> None:
    """Forge line `number` the clever way: with the chain made good again behind it."""
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(entries[number])
    prev, lines = "sha256:" + "0" * 64, []
    for entry in entries:
        if rechain:
            entry["prev"] = prev
        lines.append(rfc8785.dumps(entry))
        prev = "sha256:" + hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.parametrize(
    ("number", "change", "why"),
    [
        (2, lambda entry: entry.update(event="surprise"), "unknown event"),
        (2, lambda entry: entry.update(extra=1), "exactly the keys"),
        (2, lambda entry: entry.update(seq=True), "seq is True"),
        (2, lambda entry: entry.update(seq=7), "seq is 7, not 2"),
        (2, lambda entry: entry.update(at="yesterday"), "UTC time"),
        (2, lambda entry: entry.update(at=1), "UTC time"),
        (2, lambda entry: entry.update(data=[]), "data an object"),
        (0, lambda entry: entry.update(event="fact"), "run.started must be the first"),
        (3, lambda entry: entry.update(event="run.started"), "only one of its kind"),
        (0, lambda entry: entry["data"].update(run_id=1), "run_id must be text"),
        (0, lambda entry: entry["data"].pop("policy"), "exactly"),
        (1, lambda entry: entry["data"]["controls"].append(entry["data"]["controls"][0]), "stands twice in the plan"),
        (1, lambda entry: entry["data"]["controls"][0].update(severity="dire"), "'dire' is none of its words"),
        (1, lambda entry: entry["data"]["controls"][0].update(phase=True), "none of its words"),
        (1, lambda entry: entry["data"]["controls"][0].update(surprise=1), "unknown field 'surprise'"),
        (1, lambda entry: entry["data"]["controls"][0].pop("title"), "'title' is missing"),
        (1, lambda entry: entry["data"].update(controls={}), "must be a list"),
        (1, lambda entry: entry["data"].update(not_applicable={"A-2": ""}), "reason for each"),
        (3, lambda entry: entry["data"].update(number=0), "stands twice in the ledger"),
        (3, lambda entry: entry["data"].update(status="200"), "int was expected"),
        (3, lambda entry: entry["data"].update(status=True), "int was expected"),
        (3, lambda entry: entry["data"].update(seconds="1"), "float was expected"),
        (4, lambda entry: entry["data"].update(name=None), "name must be text"),
        (5, lambda entry: entry["data"].update(control="B-9"), "not in the plan"),
        (5, lambda entry: entry["data"].update(control="A-2"), "not applicable"),
        (5, lambda entry: entry["data"].update(measured=0), "at least one measurement"),
        (5, lambda entry: entry["data"].update(outcome="failed"), "needs a reason"),
        (5, lambda entry: entry["data"].update(requests=1), "a list was expected"),
        (6, lambda entry: entry["data"].update(triggers=[{}]), "is missing"),
        (7, lambda entry: entry["data"].update(exit_status=10), "does not belong to GO"),
        (7, lambda entry: entry["data"].update(exit_status=False), "does not belong to GO"),
        (7, lambda entry: entry["data"].pop("exit_status"), "does not belong to GO"),
        (7, lambda entry: entry["data"].update(verdict="PASS"), "none of its words"),
    ],
)  # fmt: skip
def test_a_forged_line_is_refused_even_with_a_good_chain(
    number: int, change: Callable[[dict[str, Any]], object], why: str, events: Events, write: Write
) -> None:
    path = write(events)
    rewrite(path, number, change)
    with pytest.raises(EvidenceError, match=rf"line {number + 1} of .* is broken: .*{why}"):
        replay(path)


def test_a_changed_line_breaks_the_chain_behind_it(events: Events, write: Write) -> None:
    path = write(events)
    rewrite(path, 3, lambda entry: entry["data"].update(status=201), rechain=False)
    with pytest.raises(EvidenceError, match=r"line 5 of .*: prev is not the digest of the line before"):
        replay(path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"name":"burst"', b'"name": "burst"', "not canonical"),
        (b'"name":"burst"', b'"name":"\\u0062urst"', "not canonical"),
        (b'"name":"burst"', b'"name":"burst","name":"burst"', "stands twice in one object"),
        (b'"sent":10', b'"sent":1e1', "not canonical"),
        (b'"sent":10', b'"sent":NaN', "NaN is not JSON"),
        (b'"sent":10', b'"sent":9007199254740993', "exceeds safe integer"),
        (b'"sent":10', b'"sent":"\\ud800"', "non-UTF-8"),
        (b'"sent":10', b'"sent":"\xff"', "decode"),
        (b'"sent":10', b'"sent":' + b"[" * 100_000, "recursion"),
        (b'"sent":10', b'"sent":10}', ""),
        (b'{"at"', b'\n{"at"', "Expecting value"),
    ],
)
def test_a_line_that_is_not_canonical_is_refused(old: bytes, new: bytes, why: str, events: Events, write: Write) -> None:
    path = write(events)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(old, new)
    path.write_bytes(b"".join(lines))
    with pytest.raises(EvidenceError, match=f"(?s)line 5 of .*{why}"):
        replay(path)


@pytest.mark.parametrize(
    ("position", "event", "why"),
    [
        (8, ("fact", {"name": "late", "value": 1}), "follows the verdict"),
        (8, ("run.interrupted", {"reason": "late"}), "follows the verdict"),
        (6, ("outcome", asdict(Result("A-1", Outcome.PASSED, measured=1))), "second outcome"),
        (2, ("plan", {"controls": [], "not_applicable": {}, "terms": {}}), "second plan"),
        (6, ("triggers", {"triggers": []}), "there twice"),
        (7, ("run.interrupted", {"reason": "SIGINT"}), "a verdict on an interrupted run"),
        (6, ("run.interrupted", {"reason": ""}), "needs its reason"),
        (1, ("outcome", asdict(Result("A-1", Outcome.PASSED, measured=1))), "before the plan"),
        (1, ("surprise", {}), "unknown event"),
    ],
)
def test_an_event_out_of_place_is_refused(position: int, event: tuple[str, dict[str, Any]], why: str, events: Events, write: Write) -> None:
    events.insert(position, event)
    with pytest.raises(EvidenceError, match=why):
        replay(write(events))


def test_something_after_the_verdict_is_refused_even_if_torn(events: Events, write: Write) -> None:
    path = write(events)
    path.write_bytes(path.read_bytes() + b'{"at"')
    with pytest.raises(EvidenceError, match=r"line 9 of .* followed by something else"):
        replay(path)


def test_a_fact_told_again_replaces_the_first(events: Events, write: Write) -> None:
    events.insert(5, ("fact", {"name": "burst", "value": 2}))
    assert replay(write(events)).facts == {"burst": 2}


@pytest.mark.parametrize("content", [b"", b"\n", b"not json\n", b"{}\n", b"[]\n", b"null\n", b"\x00" * 100, b'"x"\n'])
def test_no_journal_at_all(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(EvidenceError):
        replay(tmp_path / "j")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(EvidenceError, match="could not be read"):
            replay(path)
