"""BagIt 1.0 (RFC 8493): the manifests that let anyone check a bundle with `sha256sum -c`."""

from __future__ import annotations

import re
from pathlib import Path

from gate.errors import EvidenceError
from gate.evidence.files import sha256_file, write_new

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")
LOAD = "load"  # the one folder that data/ may hold: files of a load run
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")  # no folder, no escape, nothing that a shell, Windows or BagIt reads in its own way


def write_tags(folder: Path, info: dict[str, str]) -> None:
    """Write the four tag files of the bag at `folder`, whose `data/` is complete."""
    payload = payload_files(folder)
    octets = sum(path.stat().st_size for path in payload)
    lines = {**info, "Payload-Oxum": f"{octets}.{len(payload)}"}
    declaration, about, manifest, tagmanifest = (folder / name for name in TAGS)
    write_new(declaration, DECLARATION.encode())
    write_new(about, "".join(f"{label}: {_one_line(value)}\n" for label, value in lines.items()).encode())
    write_new(manifest, _manifest(folder, payload))
    write_new(tagmanifest, _manifest(folder, [about, declaration, manifest]))


def payload_files(folder: Path) -> list[Path]:
    """Every file under `data/`, in the order of their paths; anything but plain files, there and in `data/load/`, is refused."""
    data, found = folder / "data", []
    for path in [*data.iterdir(), *_load(data / LOAD)]:
        if path == data / LOAD and path.is_dir() and not path.is_symlink():
            continue
        if path.is_symlink() or not path.is_file() or not NAME.fullmatch(path.name):
            raise EvidenceError(f"{path} does not belong into a bundle", "plain files with plain names", "remove it and run the gate again")
        found.append(path)
    return sorted(found, key=lambda path: path.relative_to(data).as_posix())


def _load(folder: Path) -> list[Path]:
    """What the folder of a load run holds, if there is one; an empty one would be lost in a copy."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    found = list(folder.iterdir())
    if not found:
        raise EvidenceError(f"{folder} is empty", "the files of a load run", "remove it and run the gate again")
    return found


def _manifest(folder: Path, paths: list[Path]) -> bytes:
    return "".join(f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths).encode()


def _one_line(value: str) -> str:
    """A label's value; a line break in it would start another label."""
    return " ".join(value.split())
