"""The verifier's own proof on a bundle at hand: every kind of change is made to a copy, and each must be noticed.

Every bit of the small files is flipped, and of larger ones a sample; files are edited at random, removed, added, renamed, emptied, cut;
lines of the journal are swapped. Noticed means: the state is INVALID. The printed seed makes the same sample and the same edits again.
"""

from __future__ import annotations

import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.evidence.trust import Trust
from gate.evidence.verify.edits import edited
from gate.evidence.verify.memo import Keyed, Remembering
from gate.evidence.verify.state import State
from gate.evidence.verify.steps import verify

SMALL, SAMPLE, EDITS = 4096, 2000, 2000  # bytes whose every bit is flipped; bits of a larger file; random edits
Say = Callable[[str], None]
Change = tuple[str, Callable[[], object]]


def prove(bundle: Path, trust: Trust | None, say: Say, progress: Say, seed: int | None = None) -> int:
    """Try everything; 0 if nothing went unnoticed, 20 if something did or the bundle is INVALID already."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    begun = verify(bundle, trust)
    if begun.state is State.INVALID:
        say(f"{begun.state}: {begun.reason}; a bundle that is broken already proves nothing.")
        return begun.state.exit_status
    unnoticed, tried = [], 0
    with _copy(bundle) as copy:
        files = sorted(path for path in copy.rglob("*") if path.is_file())
        for number, path in enumerate(files, 1):
            name = path.relative_to(copy).as_posix()
            missed, count = _bits(copy, path, trust, random.Random(f"{seed} {name}"))  # noqa: S311 - a sample, no secret
            tried += count
            unnoticed += [f"{name}: bit {bit}" for bit in missed]
            progress(f"[{number}/{len(files)}] {name}: {count} bits flipped")
        unnoticed += _edits(copy, files, trust, random.Random(seed))  # noqa: S311 - to be made again, no secret
        tried += EDITS
        progress(f"{EDITS} random edits made")
        for what, change in _structural(copy, files):
            tried += 1
            change()
            if verify(copy, trust).state is not State.INVALID:
                unnoticed.append(what)
            _restore(bundle, copy)
    say(f"{tried} changes, {len(unnoticed)} unnoticed (state before: {begun.state}; seed {seed})")
    for text in unnoticed[:20]:
        say(f"  unnoticed: {text}")
    return State.INVALID.exit_status if unnoticed else 0


def _bits(copy: Path, path: Path, trust: Trust | None, chance: random.Random) -> tuple[list[int], int]:
    """The bits whose flip went unnoticed, and how many were flipped."""
    content = path.read_bytes()
    bits: list[int] | range = range(len(content) * 8)
    if len(content) > SMALL:
        bits = sorted(chance.sample(bits, min(SAMPLE, len(bits))))
    missed, memo = [], Remembering(copy, path)
    with path.open("r+b", buffering=0) as handle:
        for bit in bits:
            place, mask = bit // 8, 1 << bit % 8
            handle.seek(place)
            handle.write(bytes([content[place] ^ mask]))
            if verify(copy, trust, memo).state is not State.INVALID:
                missed.append(bit)
            handle.seek(place)
            handle.write(content[place : place + 1])
    return missed, len(bits)


def _edits(copy: Path, files: list[Path], trust: Trust | None, chance: random.Random) -> list[str]:
    """The random edits that went unnoticed."""
    missed, memo = [], Keyed()
    for number in range(EDITS):
        path = chance.choice(files)
        content = path.read_bytes()
        name, changed = edited(content, chance)
        path.write_bytes(changed)
        if verify(copy, trust, memo).state is not State.INVALID:
            missed.append(f"{path.relative_to(copy).as_posix()}: edit {number} ({name})")
        path.write_bytes(content)
    return missed


def _structural(copy: Path, files: list[Path]) -> Iterator[Change]:
    for path in files:
        name = path.relative_to(copy).as_posix()
        yield f"{name} removed", path.unlink
        yield f"{name} renamed", lambda path=path: path.rename(path.with_name(f"z{path.name}"))  # type: ignore[misc]  # a bound default
        yield f"{name} emptied", lambda path=path: path.write_bytes(b"")  # type: ignore[misc]  # as above
        yield f"{name} cut", lambda path=path: path.write_bytes(path.read_bytes()[:-1])  # type: ignore[misc]  # as above
        yield f"{name} with a byte more", lambda path=path: path.write_bytes(path.read_bytes() + b"\n")  # type: ignore[misc]  # as above
        yield f"{name} as a link", lambda path=path: _link(path)  # type: ignore[misc]  # as above
    for folder in {copy, *(path.parent for path in files)}:
        yield f"a file added in {folder.name}", (folder / "added.txt").touch
        yield f"a folder added in {folder.name}", (folder / "added").mkdir
    yield "two lines of the journal swapped", lambda: _lines(copy, lambda lines: [lines[1], lines[0], *lines[2:]])
    yield "the journal's last line doubled", lambda: _lines(copy, lambda lines: [*lines, lines[-1]])
    yield "the journal's last line gone", lambda: _lines(copy, lambda lines: lines[:-1])


def _lines(copy: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = copy / "data" / "journal.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def _link(path: Path) -> None:
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    path.symlink_to(aside.name)


@contextmanager
def _copy(bundle: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gate-verify-") as name:
        copy = Path(name) / bundle.resolve().name
        _restore(bundle, copy)
        yield copy


def _restore(bundle: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy, symlinks=True)
