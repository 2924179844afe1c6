"""The folder of a load run: written under a temporary name, published by one rename, and read again for a comparison."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.decide.load_recall import RecallTimes
from gate.errors import ConfigurationError, EvidenceError
from gate.load.collect import RAW
from gate.load.launch import LOG, PLAN
from gate.load.plan import Plan
from gate.model import LoadCheck, LoadJudgement, LoadName, LoadResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.redact import Redactor

RESULT = "result.json"
IN_BUNDLE = Path("data/load") / RESULT
TEXTS = (LOG, "locust.json", "locust.html", RAW)  # written by Locust, which quotes whom it likes


@contextmanager
def told(doing: str, path: Path) -> Iterator[None]:
    """Turn any refusal of the disk inside the block into an `EvidenceError` about `path`."""
    try:
        yield
    except OSError as error:
        raise EvidenceError(
            f"{path} could not be {doing} ({error.strerror or error})", "a folder that can be written and has room", "Check --out-dir"
        ) from error


def prepare(folder: Path, plan: Plan) -> Path:
    """Make `<folder>.partial` with plan.json in it; EvidenceError if the folder is there already or cannot be made."""
    partial = folder.with_name(f"{folder.name}.partial")
    if folder.exists():
        raise EvidenceError(f"{folder} is there already", "a name that is still free", "Give another --out-dir")
    with told("written", partial):
        partial.mkdir(parents=True)
        (partial / PLAN).write_text(json.dumps(plan.data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return partial


def clean(partial: Path, redactor: Redactor) -> None:
    """Blank secrets in what Locust wrote."""
    for path in (partial / name for name in TEXTS):
        if path.is_file():
            with told("written", path):
                text = path.read_text(encoding="utf-8", errors="replace")
                safe = redactor.text(text)
                if safe != text:
                    path.write_text(safe, encoding="utf-8")


def publish(
    partial: Path,
    folder: Path,
    result: LoadResult,
    judged: tuple[LoadJudgement, tuple[LoadCheck, ...]],
    raw: Mapping[str, Any] | None,
    *,
    recall: RecallTimes | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write result and histograms, take away what they replace, and show the folder under its name."""
    judgement, comparison = judged
    with told("written", folder):
        for name, slug in slugs(raw["names"] if raw else ()).items():
            (partial / f"hist-{slug}.hdr").write_text(raw["names"][name]["histogram"] + "\n", encoding="ascii")  # type: ignore[index]  # it has names
        data = asdict(result) | {"judgement": asdict(judgement)}
        if comparison:
            data["comparison"] = [asdict(check) for check in comparison]
        if recall is not None:
            data["recall"] = asdict(recall)
        for name, text in (files or {}).items():
            (partial / name).write_text(text, encoding="utf-8")
        (partial / RESULT).write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        (partial / RAW).unlink(missing_ok=True)
        partial.rename(folder)


def discard(partial: Path) -> None:
    """Take away what nothing came of."""
    shutil.rmtree(partial, ignore_errors=True)


def slugs(names: Iterable[str]) -> dict[str, str]:
    """For each name a part of a file's name, of [A-Za-z0-9._-] only and used once: "GET /trace/{code}" is "GET-trace-code"."""
    found: dict[str, str] = {}
    for name in sorted(names):
        slug = plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "name"
        number = 2
        while slug in found.values():
            slug, number = f"{plain}-{number}", number + 1
        found[name] = slug
    return found


def find_result(path: Path) -> Path:
    """The result.json of a bundle or of a result folder, or the file itself; ConfigurationError if there is none."""
    for candidate in (path / IN_BUNDLE, path / RESULT, path):
        if candidate.is_file():
            return candidate
    raise ConfigurationError(f"{path} holds no result of a load run", f"{IN_BUNDLE} or {RESULT} in it", "Check --against")


def result_of(data: Mapping[str, Any]) -> LoadResult:
    """A result from its JSON, which the caller has held against fixtures/schemas/load_result.schema.json."""
    own = {key: value for key, value in data.items() if key not in {"judgement", "comparison", "recall", "names", "thresholds"}}
    names = {name: LoadName(**item) for name, item in data["names"].items()}
    return LoadResult(**own, names=names, thresholds=tuple(data["thresholds"]))
