"""Envelopes and the gate's statement: one way only to write them, and no way to say more than the run did."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.evidence import Bundle, replay
from gate.evidence.decode import Mismatch
from gate.evidence.dsse import open_envelope, pae, sign
from gate.evidence.keys import PrivateKey, load_private, new_key
from gate.evidence.statement import SIGNED, UNSIGNED, papers, previous_bundle, statement
from gate.evidence.strict import canonical, decode64, parse
from gate.model import Outcome, Result, RunRecord, Verdict


@pytest.fixture
def key(tmp_path: Path) -> PrivateKey:
    return load_private(new_key(tmp_path / "key", "gate")[0])


@pytest.fixture
def record(events: Any, write: Callable[[Any], Path]) -> RunRecord:
    return replay(write(events))


def test_what_is_signed_is_dsses_own_encoding() -> None:
    assert pae(b"hello world", "http://example.com/HelloWorld") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_an_envelope_opens_as_it_was_sealed(key: PrivateKey) -> None:
    envelope = open_envelope(sign({"b": 1, "a": "ü"}, key))
    assert envelope.statement == {"a": "ü", "b": 1}
    assert envelope.verified_by(key.public)


def test_another_key_or_another_name_does_not_verify(key: PrivateKey, tmp_path: Path) -> None:
    envelope = open_envelope(sign({}, key))
    other = new_key(tmp_path / "other", "gate")[1]
    assert not envelope.verified_by(other)
    assert not replace(envelope, keyid=other.keyid).verified_by(key.public)
    assert not replace(envelope, payload=b'{"a":1}').verified_by(key.public)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another type": lambda outer: outer.update(payloadType="application/json"),
    "one more key": lambda outer: outer.update(extra=1),
    "a key less": lambda outer: outer.pop("payloadType"),
    "no signature": lambda outer: outer.update(signatures=[]),
    "two signatures": lambda outer: outer.update(signatures=outer["signatures"] * 2),
    "a signature without a name": lambda outer: outer["signatures"][0].pop("keyid"),
    "a name that is no text": lambda outer: outer["signatures"][0].update(keyid=1),
    "URL-safe base64": lambda outer: outer.update(payload=base64.urlsafe_b64encode(b"\xff\xfe\xfd>>>???").decode()),
    "base64 without padding": lambda outer: outer.update(payload=base64.b64encode(b"x").decode().rstrip("=")),
    "base64 with a line break": lambda outer: outer.update(payload=outer["payload"][:4] + "\n" + outer["payload"][4:]),
    "base64 with loose bits": lambda outer: outer.update(payload="eyJ=", signatures=outer["signatures"]),
    "a payload that is no text": lambda outer: outer.update(payload=None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_envelope_that_could_be_read_in_two_ways_is_refused(change: str, key: PrivateKey) -> None:
    outer = json.loads(sign({"a": 1}, key))
    CHANGES[change](outer)
    with pytest.raises(Mismatch):
        open_envelope(canonical(outer) + b"\n").statement  # noqa: B018 - reading it is what refuses


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":1.0}',
        b'"\\u0041"',
        b"[" * 5000 + b"]" * 5000,
        b"",
        b"\xff",
        b"01",
    ],
)
def test_json_that_could_be_written_in_another_way_is_refused(data: bytes) -> None:
    with pytest.raises(Mismatch):
        parse(data)


def test_base64_is_read_in_one_way() -> None:
    assert decode64("AA==") == b"\0"
    for text in ("AB==", "AA", "AA=", "AA==\n", " AA==", "A-==", "é", None, 5):
        with pytest.raises(Mismatch):
            decode64(text)


def test_the_statement_lists_every_control_once(record: RunRecord) -> None:
    said = statement(replace(record, artifact="ab" * 32), "cd" * 32, None)
    predicate = said["predicate"]
    assert (predicate["result"], predicate["passedTests"], predicate["failedTests"]) == ("PASSED", ["A-1"], [])
    assert [item["name"] for item in said["subject"]] == ["artifact", "tagmanifest-sha256.txt"]
    assert predicate["gate"]["journal"] == {"events": record.events, "head": record.head}
    assert {item["name"] for item in predicate["configuration"]} == {"plan", "profile", "suites"}


@pytest.mark.parametrize("outcome", [item for item in Outcome if item not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)])
@pytest.mark.parametrize("verdict", [Verdict.NO_GO, Verdict.INCONCLUSIVE])
def test_what_did_not_pass_is_failed_in_the_standards_words(outcome: Outcome, verdict: Verdict, record: RunRecord) -> None:
    assert record.decision is not None
    changed = replace(record, results={"A-1": Result("A-1", outcome, "a reason")}, decision=replace(record.decision, verdict=verdict))
    predicate = statement(changed, "cd" * 32, None)["predicate"]
    assert (predicate["result"], predicate["passedTests"], predicate["failedTests"]) == ("FAILED", [], ["A-1", "A-2"])


def test_a_run_without_a_verdict_is_not_stated(record: RunRecord) -> None:
    with pytest.raises(ValueError, match="without a verdict"):
        statement(replace(record, decision=None), "cd" * 32, None)


def test_without_a_key_the_statement_says_nothing_of_a_signature(record: RunRecord, key: PrivateKey) -> None:
    assert set(papers(record, "cd" * 32, None, None)) == {UNSIGNED}
    signed = papers(record, "cd" * 32, None, key)
    assert set(signed) == {SIGNED, "gate.pub.pem"}
    assert open_envelope(signed[SIGNED]).statement == json.loads(papers(record, "cd" * 32, None, None)[UNSIGNED])


def test_the_bundle_before_is_the_newest_one_that_has_a_statement(tmp_path: Path) -> None:
    assert previous_bundle(tmp_path, "20260228T100000Z") is None
    for name, file in (
        ("20260101T000000Z", SIGNED),
        ("20260102T000000Z", UNSIGNED),
        ("20260103T000000Z", None),
        ("20270101T000000Z", SIGNED),
    ):
        folder = tmp_path / name / "attestations"
        folder.mkdir(parents=True)
        if file:
            (folder / file).write_text(name)
    found = previous_bundle(tmp_path, "20260228T100000Z")
    assert found is not None
    assert found["bundle"] == "20260102T000000Z"


def test_papers_are_there_before_the_bundle_is_shown_or_not_at_all(tmp_path: Path) -> None:
    bundle = Bundle(tmp_path)
    bundle.journal.write_text("x\n")
    files = dict.fromkeys(
        (f"release_gate_{bundle.ts}.txt", f"security_regression_{bundle.ts}.txt", f"go_live_acceptance_{bundle.ts}.json"), ""
    )

    def broken(digest: str) -> dict[str, bytes]:
        assert len(digest) == 64
        raise OSError("no key")

    with pytest.raises(OSError, match="no key"):
        bundle.publish(files, attest=broken)
    assert not bundle.final.exists()
    assert [path.name for path in bundle.data.iterdir()] == ["journal.jsonl"]
    final = bundle.publish(files, attest=lambda digest: {"gate.json": digest.encode()})
    assert (final / "attestations" / "gate.json").stat().st_mode & 0o777 == 0o600
