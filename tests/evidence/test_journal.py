"""The journal: canonical, chained, durable before `append` returns, and broken for good once a byte is lost."""

import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from gate.errors import EvidenceError
from gate.evidence import Journal, replay
from gate.redact import Redactor

SYNCED = os.fdatasync


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=False)


def test_each_line_is_canonical_numbered_and_chained(tmp_path: Path, clock: Callable[[], datetime]) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, Redactor(), clock) as journal:
        assert [journal.append("fact", {"name": name, "value": {"ü": 1.0, "a": "\u2028"}}) for name in "abc"] == [0, 1, 2]
        assert journal.head == "sha256:" + hashlib.sha256(path.read_bytes().split(b"\n")[2]).hexdigest()
    whole = path.read_bytes()
    assert whole.endswith(b"}\n")
    entries = [json.loads(line) for line in whole.split(b"\n")[:-1]]
    assert [rfc8785.dumps(entry) for entry in entries] == whole.split(b"\n")[:-1]
    assert entries[0]["prev"] == "sha256:" + "0" * 64
    for (before, _), (_, entry) in pairwise(zip(whole.split(b"\n"), entries, strict=False)):
        assert entry["prev"] == "sha256:" + hashlib.sha256(before).hexdigest()
    assert [entry["at"] for entry in entries] == ["2026-02-28T10:08:33.999Z", "2026-02-28T10:08:34.000Z", "2026-02-28T10:08:34.001Z"]


def test_the_file_is_private_and_new(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, Redactor()).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(EvidenceError, match="could not be created"):
        Journal(path, Redactor())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvidenceError):
        Journal(tmp_path / "link", Redactor())
    assert not (tmp_path / "elsewhere").exists()


def test_one_write_and_a_sync_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", Redactor())
    calls: list[str] = []
    written = os.write

    def write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return written(descriptor, data)

    def sync(descriptor: int) -> None:
        calls.append("sync")
        SYNCED(descriptor)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fdatasync", sync)
    journal.append("fact", {"name": "n", "value": "x" * 100_000})
    assert calls == ["write", "sync"]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", Redactor())
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    journal.append("fact", {"name": "n", "value": "x" * 1000})
    journal.append("fact", {"name": "m", "value": "y" * 1000})
    assert [json.loads(line)["data"]["name"] for line in lines(tmp_path / "j")] == ["n", "m"]


def test_threads_share_syncs_and_each_returns_only_when_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    journal = Journal(path, Redactor())
    durable, syncs = 0, 0
    gate = threading.Lock()

    def sync(descriptor: int) -> None:
        nonlocal durable, syncs
        written = path.read_bytes().count(b"\n")
        threading.Event().wait(0.002)
        SYNCED(descriptor)
        with gate:
            durable, syncs = max(durable, written), syncs + 1

    monkeypatch.setattr(os, "fdatasync", sync)
    early: list[int] = []

    def work(worker: int) -> None:
        for number in range(25):
            seq = journal.append("fact", {"name": f"{worker}-{number}", "value": 1})
            with gate:
                if seq >= durable:
                    early.append(seq)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert early == []
    entries = [json.loads(line) for line in lines(path)]
    assert [entry["seq"] for entry in entries] == list(range(400))
    assert len({entry["data"]["name"] for entry in entries}) == 400
    assert syncs < 200


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_refusal_of_the_disk_breaks_the_journal_for_good(call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", Redactor())
    journal.append("fact", {"name": "before", "value": 1})

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, refuse)
        with pytest.raises(EvidenceError) as caught:
            journal.append("fact", {"name": "lost", "value": 1})
    assert os.strerror(number) in caught.value.sentence
    assert caught.value.expected
    assert caught.value.next_step
    for _ in range(2):
        with pytest.raises(EvidenceError, match="could not be"):
            journal.append("fact", {"name": "after", "value": 1})
    assert b"after" not in (tmp_path / "j").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_an_event_that_cannot_be_recorded_breaks_it_too(value: object, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", Redactor())
    for data in ({"name": "n", "value": value}, {"name": "n", "value": 1}):
        with pytest.raises(EvidenceError, match="cannot be recorded"):
            journal.append("fact", data)
    assert (tmp_path / "j").read_bytes() == b""


def test_a_bottomless_event_breaks_it_too(tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(EvidenceError, match="nested too deeply"):
        Journal(tmp_path / "j", Redactor()).append("fact", {"name": "n", "value": deep})


def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", Redactor())
    journal.close()
    journal.close()
    with pytest.raises(EvidenceError, match="is closed"):
        journal.append("fact", {"name": "n", "value": 1})


@pytest.mark.parametrize("when", ["before", "after", "within"])
def test_a_signal_in_the_middle_of_an_append_does_not_break_the_chain(
    when: str, tmp_path: Path, events: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j"
    journal = Journal(path, Redactor())
    journal.append(*events[0])
    write = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        write(descriptor, data[: {"before": 0, "within": 9, "after": len(data)}[when]])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append("fact", {"name": "n", "value": 1})
    if when == "within":
        with pytest.raises(EvidenceError, match="cut short"):
            journal.append("run.interrupted", {"reason": "SIGINT"})
    else:
        journal.append("run.interrupted", {"reason": "SIGINT"})
    record = replay(path)
    assert record.facts == ({"n": 1} if when == "after" else {})
    assert record.decision is None


def test_the_redactor_sees_everything_first(tmp_path: Path) -> None:
    secret = "canary-0123456789"
    journal = Journal(tmp_path / "j", Redactor([secret]))
    journal.append("fact", {"name": secret, "value": {secret: [secret.encode(), (secret,), {"a": f"x{secret}y"}]}})
    assert secret.encode() not in (tmp_path / "j").read_bytes()
