"""Whether every bundle of a folder names the one before it: a bundle that was taken away shows."""

from __future__ import annotations

import json
from pathlib import Path

from gate.evidence.dsse import open_envelope
from gate.evidence.files import sha256_file
from gate.evidence.statement import FOLDER, SIGNED, UNSIGNED


def broken_links(folder: Path) -> list[str]:
    """One sentence for each bundle whose predecessor is gone or changed, or that cannot be read. The newest ones can be dropped unseen."""
    problems = []
    bundles = sorted(path for path in folder.glob("*Z") if path.is_dir() and not path.is_symlink())
    if not bundles:
        return [f"{folder} holds no bundle."]
    for bundle in bundles:
        try:
            previous = _previous(bundle)
            here = _paper(folder / previous["bundle"]) if previous else None
            if previous and here is None:
                problems.append(f"{bundle.name} follows {previous['bundle']}, which is missing.")
            elif previous and here and sha256_file(here) != previous["sha256"]:
                problems.append(f"{bundle.name} follows {previous['bundle']}, which is not the one it names.")
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            problems.append(f"{bundle.name} cannot be read ({type(error).__name__}).")
    return problems


def _paper(bundle: Path) -> Path | None:
    return next((bundle / FOLDER / name for name in (SIGNED, UNSIGNED) if (bundle / FOLDER / name).is_file()), None)


def _previous(bundle: Path) -> dict[str, str] | None:
    path = _paper(bundle)
    if path is None:
        raise ValueError("no statement")
    said = open_envelope(path.read_bytes()).statement if path.name == SIGNED else json.loads(path.read_bytes())
    found: dict[str, str] | None = said["predicate"]["gate"]["previous"]
    if found is not None and (Path(found["bundle"]).name != found["bundle"] or not found["bundle"]):
        raise ValueError("no plain name")
    return found
