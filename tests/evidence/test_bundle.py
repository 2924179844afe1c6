"""The bundle: whole or not there, never over another, and checkable with coreutils."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gate.errors import EvidenceError
from gate.evidence import Bundle, Journal, legacy_names
from gate.redact import Redactor

NOON = datetime(2026, 2, 28, 12, 0, 0, tzinfo=UTC)


def noon() -> datetime:
    return NOON


def reports(ts: str, text: str = "Release gate: PASS\n") -> dict[str, str]:
    return {**dict.fromkeys(legacy_names(ts), text), "result.json": "{}\n"}


def filled(out_dir: Path, clock: Callable[[], datetime] = noon) -> Bundle:
    bundle = Bundle(out_dir, clock)
    with Journal(bundle.journal, Redactor(), clock) as journal:
        journal.append("fact", {"name": "n", "value": "ä"})
    return bundle


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_layout_of_a_published_bundle(tmp_path: Path) -> None:
    out_dir = tmp_path / "storage" / "reports" / "staging"
    bundle = filled(out_dir)
    assert bundle.ts == "20260228T120000Z"
    assert names(out_dir) == {"20260228T120000Z.partial"}
    assert stat.S_IMODE(bundle.folder.stat().st_mode) == 0o700
    final = bundle.publish(reports(bundle.ts))
    assert names(out_dir) == {"20260228T120000Z", *legacy_names(bundle.ts)}
    assert names(final) == {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "data"}
    assert names(final / "data") == {"journal.jsonl", "result.json", *legacy_names(bundle.ts)}
    assert stat.S_IMODE((final / "data" / "result.json").stat().st_mode) == 0o600
    for name in legacy_names(bundle.ts):
        assert (out_dir / name).read_bytes() == (final / "data" / name).read_bytes()


def test_the_three_files_have_ordinary_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        bundle = filled(tmp_path)
        bundle.publish(reports(bundle.ts))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / legacy_names(bundle.ts)[0]).stat().st_mode) == 0o644


def test_coreutils_verify_it_and_notice_a_change(tmp_path: Path) -> None:
    bundle = filled(tmp_path)
    final = bundle.publish(reports(bundle.ts), {"Source-Organization": "a\nManifest: b"})
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed")
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run([program, "-c", "--strict", manifest], cwd=final, check=True, capture_output=True)
    listed = {line.split("  ")[1] for line in (final / "manifest-sha256.txt").read_text().splitlines()}
    assert listed == {f"data/{name}" for name in names(final / "data")}
    octets = sum(path.stat().st_size for path in (final / "data").iterdir())
    assert (final / "bag-info.txt").read_text().splitlines() == [
        "Bagging-Date: 2026-02-28",
        "External-Identifier: 20260228T120000Z",
        "Source-Organization: a Manifest: b",
        f"Payload-Oxum: {octets}.5",
    ]
    with (final / "data" / "result.json").open("a") as handle:
        handle.write(" ")
    assert subprocess.run([program, "-c", "--strict", "manifest-sha256.txt"], cwd=final, check=False, capture_output=True).returncode == 1


def test_runs_in_the_same_second_all_get_their_own(tmp_path: Path) -> None:
    published: list[Path] = []

    def run() -> None:
        bundle = filled(tmp_path)
        published.append(bundle.publish(reports(bundle.ts, f"{threading.get_ident()}")))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.name for path in published} == {f"20260228T12000{second}Z" for second in range(8)}
    assert len({(tmp_path / legacy_names(path.name)[0]).read_text() for path in published}) == 8


@pytest.mark.parametrize("taken", ["20260228T120000Z", "20260228T120000Z.partial", "release_gate_20260228T120000Z.txt"])
def test_a_second_that_is_taken_in_any_way_is_not_used(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).mkdir()
    assert Bundle(tmp_path, noon).ts == "20260228T120001Z"
    assert names(tmp_path) == {taken, "20260228T120001Z.partial"}


def test_it_gives_up_when_no_second_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gate.evidence.bundle.SECONDS_TO_TRY", 2)
    for _ in range(2):
        Bundle(tmp_path, noon)
    with pytest.raises(EvidenceError, match="no free name"):
        Bundle(tmp_path, noon)


def refused(out_dir: Path) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        Bundle(out_dir)
    assert caught.value.expected
    assert caught.value.next_step
    assert "\n" not in caught.value.sentence
    return caught.value


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in refused(tmp_path / "file").sentence
    assert "file" in refused(tmp_path / "file" / "below").sentence
    assert refused(tmp_path / ("x" * 300))


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(tmp_path)], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
        )
        if "cannot" in done.stdout:
            pytest.skip("root may write everywhere, and this process may not become another user")
        assert "EvidenceError" in done.stdout, done.stderr
        return
    tmp_path.chmod(0o500)
    refused(tmp_path / "out")


_AS_NOBODY = """
import os, sys
from pathlib import Path
from gate.errors import EvidenceError
from gate.evidence import Bundle
try:
    os.setgid(65534); os.setuid(65534)
except OSError:
    print("cannot"); sys.exit()
try:
    Bundle(Path(sys.argv[1]) / "out")
except EvidenceError as error:
    print("EvidenceError", error)
"""


@pytest.mark.parametrize(
    "files", [{}, {"../escape": "x"}, {"a/b": "x"}, {"journal.jsonl": "x"}, {".hidden": "x"}, {"line\nbreak": "x"}, {"": "x"}]
)
def test_incomplete_or_strangely_named_files_are_refused(files: dict[str, str], tmp_path: Path) -> None:
    bundle = filled(tmp_path)
    journal = bundle.journal.read_bytes()
    with pytest.raises(EvidenceError, match="not complete"):
        bundle.publish({**reports(bundle.ts), **files} if files else {})
    assert names(tmp_path) == {f"{bundle.ts}.partial"}
    assert bundle.journal.read_bytes() == journal


@pytest.mark.parametrize("stray", ["link", "folder", ".hidden"])
def test_what_does_not_belong_into_a_bundle_stops_it(stray: str, tmp_path: Path) -> None:
    bundle = filled(tmp_path)
    if stray == "link":
        (bundle.data / stray).symlink_to("/etc/passwd")
    elif stray == "folder":
        (bundle.data / stray).mkdir()
    else:
        (bundle.data / stray).write_text("")
    with pytest.raises(EvidenceError, match="does not belong"):
        bundle.publish(reports(bundle.ts))
    only_the_journal_is_left(bundle, stray)


def only_the_journal_is_left(bundle: Bundle, *besides: str) -> None:
    """Nothing is published and no rendered file says PASS."""
    assert names(bundle.out_dir) == {f"{bundle.ts}.partial"}
    assert names(bundle.folder) == {"data"}
    assert names(bundle.data) == {"journal.jsonl", *besides}


SYSTEM_CALLS = ("write", "fsync", "open", "close")


def failing(call: str, after: int) -> Callable[..., Any]:
    """The system call, refusing from the given call on."""
    real = getattr(os, call)
    count = iter(range(10**6))

    def work(*arguments: Any, **named: Any) -> Any:
        if next(count) >= after and not (call == "close"):
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    return work


@pytest.mark.parametrize("call", ["write", "fsync", "open"])
@pytest.mark.parametrize("after", range(14))
def test_wherever_the_disk_fails_nothing_is_published(call: str, after: int, tmp_path: Path) -> None:
    bundle = filled(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, call, failing(call, after))
        try:
            bundle.publish(reports(bundle.ts))
        except EvidenceError as error:
            assert "No space left on device" in error.sentence  # noqa: PT017 - whether it fails at all depends on how far it came
            failed = True
        else:
            failed = False
    if failed:
        only_the_journal_is_left(bundle)
    else:
        assert names(tmp_path) == {bundle.ts, *legacy_names(bundle.ts)}


@pytest.mark.parametrize("after", range(4))
def test_wherever_a_rename_fails_it_is_taken_back(after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = filled(tmp_path)
    rename, count = Path.rename, iter(range(100))

    def work(path: Path, target: Path) -> Path:
        if next(count) == after:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", work)
    with pytest.raises(EvidenceError, match="could not be published"):
        bundle.publish(reports(bundle.ts))
    only_the_journal_is_left(bundle)


def test_a_signal_while_publishing_takes_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = filled(tmp_path)

    def interrupted(_path: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bundle.publish(reports(bundle.ts))
    only_the_journal_is_left(bundle)
    assert bundle.publish(reports(bundle.ts)).is_dir()


def test_a_foreign_file_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    bundle = filled(tmp_path)
    foreign = tmp_path / legacy_names(bundle.ts)[1]
    foreign.write_text("mine")
    with pytest.raises(EvidenceError, match="already exists"):
        bundle.publish(reports(bundle.ts))
    assert foreign.read_text() == "mine"
    assert names(bundle.data) == {"journal.jsonl"}


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounts")
    yield disk
    subprocess.run([umount, str(disk)], check=True)


def test_a_full_disk_ends_in_one_sentence_and_no_pass(tiny: Path) -> None:
    bundle = Bundle(tiny)
    journal = Journal(bundle.journal, Redactor())
    acknowledged: list[int] = []
    with pytest.raises(EvidenceError, match="No space left on device"):
        acknowledged.extend(journal.append("fact", {"name": "n", "value": "x" * 5000}) for _ in range(1000))
    with pytest.raises(EvidenceError, match="No space left on device"):
        journal.append("fact", {"name": "n", "value": "x"})
    journal.close()
    assert bundle.journal.read_bytes().count(b"\n") == len(acknowledged) > 10
    with pytest.raises(EvidenceError, match="free space on its disk"):
        bundle.publish(reports(bundle.ts))
    only_the_journal_is_left(bundle)


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from gate.errors import EvidenceError
from gate.evidence import Journal
from gate.redact import Redactor
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
journal = Journal(Path(sys.argv[1]), Redactor())
try:
    for number in range(1000):
        journal.append("fact", {"name": "n", "value": "x" * 300})
except EvidenceError as error:
    print(number, error)
"""


def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "j"
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    number, sentence = done.stdout.split(" ", 1)
    assert "File too large" in sentence
    assert path.read_bytes().count(b"\n") == int(number)
