"""Steps 1 to 4: the folder and the bag. Nothing that is not listed, nothing listed that is not there, every byte as it was."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from gate.evidence.approval import APPROVALS, FILE
from gate.evidence.bag import DECLARATION, LOAD, NAME, TAGS
from gate.evidence.decision import DECISION, PEOPLE_COPY, RELEASE_COPY
from gate.evidence.statement import FOLDER, PUBLIC_COPY, SIGNED, UNSIGNED
from gate.evidence.verify.memo import Memo
from gate.evidence.verify.state import State, Wrong

SMALL = 8 * 1024 * 1024
PAPERS = {SIGNED, UNSIGNED, PUBLIC_COPY, DECISION, RELEASE_COPY, PEOPLE_COPY}
LINE = re.compile(r"([0-9a-f]{64})  ([\x21-\x7e]+)")


def check_folder(bundle: Path) -> str:
    """Step 1."""
    if not _is_folder(bundle):
        raise Wrong(State.INVALID, "it is no folder")
    top = {path.name: path for path in _entries(bundle)}
    if set(top) == {"data"}:
        raise Wrong(State.INCOMPLETE, "the run was never finished: there is no bag, only what was seen so far")
    if unexpected := sorted(set(top) - {*TAGS, "data", FOLDER}):
        raise Wrong(State.INVALID, f"'{unexpected[0]:.80}' does not belong into a bundle")
    if missing := sorted({*TAGS, "data", FOLDER} - set(top)):
        raise Wrong(State.INVALID, f"{missing[0]} is missing")
    if not _is_folder(top[FOLDER]):
        raise Wrong(State.INVALID, f"{FOLDER} is no folder")
    for name in TAGS:
        _plain(top[name])
    payload = _plain_payload(top["data"])
    papers = [path for path in _entries(top[FOLDER]) if path.name != APPROVALS]
    for path in papers:
        if path.name not in PAPERS:
            raise Wrong(State.INVALID, f"'{FOLDER}/{path.name:.80}' does not belong into a bundle")
        _plain(path)
    if os.path.lexists(top[FOLDER] / APPROVALS):
        papers += list(_inside(top[FOLDER] / APPROVALS, lambda name: bool(FILE.fullmatch(name.removesuffix(".sig")))))
    return f"{len(payload)} files of evidence, {len(papers)} papers"


def _plain_payload(data: Path) -> list[Path]:
    found = list(_inside(data, NAME.fullmatch, apart=LOAD))
    return found + (list(_inside(data / LOAD, NAME.fullmatch)) if os.path.lexists(data / LOAD) else [])


def check_bag(bundle: Path) -> str:
    """Step 2."""
    if small(bundle / "bagit.txt") != DECLARATION.encode():
        raise Wrong(State.INVALID, "bagit.txt is not that of a BagIt 1.0 bag")
    files = _payload(bundle)
    oxum = f"Payload-Oxum: {sum(path.stat().st_size for path in files)}.{len(files)}"
    lines = small(bundle / "bag-info.txt").decode("utf-8", "replace").split("\n")
    if [line for line in lines if line.startswith("Payload-Oxum:")] != [oxum]:
        raise Wrong(State.INVALID, f"bag-info.txt does not say '{oxum}'")
    return oxum


def check_payload(bundle: Path, memo: Memo) -> str:
    """Step 3."""
    listed = memo.beside(("manifest",), ("manifest",), lambda: _manifest(bundle, "manifest-sha256.txt"))
    there = memo.beside((), ("data",), lambda: {path.relative_to(bundle).as_posix() for path in _payload(bundle)})
    return _compare(bundle, listed, there, memo)


def check_tags(bundle: Path, memo: Memo) -> str:
    """Step 4."""
    return _compare(bundle, _manifest(bundle, "tagmanifest-sha256.txt"), set(TAGS) - {"tagmanifest-sha256.txt"}, memo)


def small(path: Path, most: int = SMALL) -> bytes:
    """The bytes of a file that has no reason to be larger."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as handle:
            content = handle.read(min(most, os.fstat(descriptor).st_size) + 1)
    except OSError as error:
        raise Wrong(State.INVALID, f"{path.name} cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise Wrong(State.INVALID, f"{path.name} is larger than {most} bytes")
    return content


def _manifest(bundle: Path, name: str) -> dict[str, str]:
    text = small(bundle / name).decode("ascii", "replace")
    lines = text.split("\n")
    found = [LINE.fullmatch(line) for line in lines[:-1]]
    if lines[-1] or not found or not all(found):
        raise Wrong(State.INVALID, f"{name} holds a line that is no digest and path")
    listed = {match[2]: match[1] for match in found if match}
    if len(listed) != len(found) or list(listed) != sorted(listed):
        raise Wrong(State.INVALID, f"{name} does not name each file once, in order")
    return listed


def _compare(bundle: Path, listed: dict[str, str], there: set[str], memo: Memo) -> str:
    if odd := sorted(set(listed) ^ there):
        raise Wrong(State.INVALID, f"{odd[0]:.120} is {'missing' if odd[0] in listed else 'not listed'}")
    for name, digest in listed.items():
        if memo.sha256(bundle, name) != digest:
            raise Wrong(State.INVALID, f"{name} was changed")
    return f"{len(listed)} files"


def _payload(bundle: Path) -> list[Path]:
    """The files of data/ and of data/load/; step 1 has seen that there is nothing else."""
    found = _entries(bundle / "data")
    load = [path for path in found if path.name == LOAD]
    return [path for path in found if path not in load] + [path for folder in load for path in _entries(folder)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        raise Wrong(State.INVALID, f"{folder.name} cannot be read ({error.strerror})") from None


def _inside(folder: Path, belongs: Callable[[str], object], apart: str = "") -> Iterator[Path]:
    """The plain files of a folder that must hold some, and nothing else but the entry `apart`."""
    if not _is_folder(folder):
        raise Wrong(State.INVALID, f"{folder.name} is no folder")
    found = [path for path in _entries(folder) if path.name != apart]
    if not found:
        raise Wrong(State.INVALID, f"{folder.name} is empty")
    for path in found:
        if not belongs(path.name):
            raise Wrong(State.INVALID, f"'{folder.name}/{path.name:.80}' does not belong into a bundle")
        _plain(path)
        yield path


def _plain(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Wrong(State.INVALID, f"{path.name} is no plain file")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
