"""BagIt 1.0 (RFC 8493): the manifests that let anyone check a bundle with `sha256sum -c`."""

from __future__ import annotations

import re
from pathlib import Path

from gate.errors import EvidenceError
from gate.evidence.files import sha256_file, write_new

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")
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
    """Every file under `data/`, in the order of their names; anything but plain files is refused."""
    found = sorted((folder / "data").iterdir(), key=lambda path: path.name)
    for path in found:
        if path.is_symlink() or not path.is_file() or not NAME.fullmatch(path.name):
            raise EvidenceError(f"{path} does not belong into a bundle", "plain files with plain names", "remove it and run the gate again")
    return found


def _manifest(folder: Path, paths: list[Path]) -> bytes:
    return "".join(f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths).encode()


def _one_line(value: str) -> str:
    """A label's value; a line break in it would start another label."""
    return " ".join(value.split())
