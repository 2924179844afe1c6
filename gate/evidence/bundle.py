"""The folder of evidence of one run: built as `<ts>.partial/`, published by one rename, never overwriting another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate.errors import EvidenceError
from gate.evidence.bag import LOAD, NAME, TAGS, write_tags
from gate.evidence.files import PUBLIC, adopt, sha256_file, sync_folder, told, write_new
from gate.evidence.journal import utc_now
from gate.evidence.statement import FOLDER, TAG_MANIFEST

JOURNAL = "journal.jsonl"
LEGACY = ("release_gate_{ts}.txt", "security_regression_{ts}.txt", "go_live_acceptance_{ts}.json")
SECONDS_TO_TRY = 3600


def legacy_names(ts: str) -> tuple[str, ...]:
    """The three files that existing consumers read in `OUT_DIR` itself."""
    return tuple(name.format(ts=ts) for name in LEGACY)


class Bundle:
    """One run's folder, from its first second.

    The folder and its files are the user's alone (0700, 0600): they hold what the target answered. The three files in `OUT_DIR` get the
    user's ordinary permissions, because other tools read them.

    Args:
        out_dir: `OUT_DIR`; created if need be.
        clock: the time of day, replaced in tests.
    """

    def __init__(self, out_dir: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self.out_dir = out_dir
        with told("created", out_dir):
            out_dir.mkdir(parents=True, exist_ok=True)
        self.ts = _claim(out_dir, clock().astimezone(UTC))
        self.final = out_dir / self.ts
        self.folder = _partial(out_dir, self.ts)
        self.data = self.folder / "data"
        self._shown: list[Path] = []
        with told("created", self.data):
            self.data.mkdir(mode=0o700)
        sync_folder(self.folder)
        sync_folder(out_dir)

    @property
    def journal(self) -> Path:
        """Where the journal belongs."""
        return self.data / JOURNAL

    def publish(
        self,
        files: dict[str, str],
        info: dict[str, str] | None = None,
        attest: Callable[[str], dict[str, bytes]] = lambda _tag_manifest: {},
    ) -> Path:
        """Write the rendered files and the bag's manifests, then show the whole by one rename. Returns the bundle's folder.

        Args:
            files: name to text, for `data/`; the three legacy files among them are written in `OUT_DIR` as well.
            info: more labels for bag-info.txt.
            attest: given the SHA-256 of the tag manifest, the papers about it: name to content, for `attestations/`.

        Raises:
            EvidenceError: something could not be written; then nothing is published, and no rendered file is left to be taken for a result.
        """
        missing = [name for name in legacy_names(self.ts) if name not in files]
        if missing or not all(NAME.fullmatch(name) and name != JOURNAL for name in files):
            raise EvidenceError(
                "the reports are not complete",
                f"among others {', '.join(missing) or 'plain file names'}",
                "report this as a defect of the gate",
            )
        copies = {self.out_dir / name: self.out_dir / f".{name}.partial" for name in legacy_names(self.ts)}
        try:
            self._write(files, copies, info or {})
            self._attest(attest)
            self._show(copies)
        except BaseException:
            self._withdraw([*copies.values(), *self._shown, *(self.data / name for name in files), *(self.folder / name for name in TAGS)])
            raise
        return self.final

    def _write(self, files: dict[str, str], copies: dict[Path, Path], info: dict[str, str]) -> None:
        for name, text in files.items():
            write_new(self.data / name, text.encode())
        self._adopt_load()
        with told("read", self.data):
            write_tags(
                self.folder, {"Bagging-Date": f"{self.ts[:4]}-{self.ts[4:6]}-{self.ts[6:8]}", "External-Identifier": self.ts, **info}
            )
        sync_folder(self.data)
        sync_folder(self.folder)
        for final, temporary in copies.items():
            write_new(temporary, files[final.name].encode(), PUBLIC)

    def _adopt_load(self) -> None:
        """The files of a load run, where there was one, come from Locust."""
        folder = self.data / LOAD
        if folder.is_dir() and not folder.is_symlink():
            for path in folder.iterdir():
                if path.is_file() and not path.is_symlink():  # anything else is refused when the bag is made
                    adopt(path)
            sync_folder(folder)

    def _attest(self, attest: Callable[[str], dict[str, bytes]]) -> None:
        papers = attest(sha256_file(self.folder / TAG_MANIFEST))
        if not papers:
            return
        folder = self.folder / FOLDER
        with told("created", folder):
            folder.mkdir(mode=0o700)
        for name, content in papers.items():
            write_new(folder / name, content)
        sync_folder(folder)
        sync_folder(self.folder)

    def _show(self, copies: dict[Path, Path]) -> None:
        if taken := next((path for path in (self.final, *copies) if os.path.lexists(path)), None):
            raise EvidenceError(f"{taken} already exists", "a name that is still free", "move it out of the way and run the gate again")
        with told("published", self.final):
            self.folder.rename(self.final)
        for final, temporary in copies.items():
            with told("published", final):
                temporary.rename(final)
            self._shown.append(final)
        sync_folder(self.out_dir)

    def _withdraw(self, paths: list[Path]) -> None:
        """Take back what this run has shown; the journal stays. What cannot be removed is not the news, so it is not told."""
        with suppress(OSError):
            if not self.folder.exists():
                self.final.rename(self.folder)
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / FOLDER, ignore_errors=True)


def _claim(out_dir: Path, moment: datetime) -> str:
    """The first second from now on that no other run has taken: creating its partial folder is what takes it."""
    for later in range(SECONDS_TO_TRY):
        ts = (moment + timedelta(seconds=later)).strftime("%Y%m%dT%H%M%SZ")
        partial = _partial(out_dir, ts)
        if _is_taken(out_dir, ts):
            continue
        with told("created", partial):
            try:
                partial.mkdir(mode=0o700)
            except FileExistsError:
                continue
        # Looked at once more: whoever had this second before has either published by now or never will.
        if not _is_taken(out_dir, ts):
            return ts
        partial.rmdir()
    raise EvidenceError(
        f"{out_dir} has no free name for this run", "a free second within the next hour", "clear old *.partial folders away"
    )


def _is_taken(out_dir: Path, ts: str) -> bool:
    return any(os.path.lexists(out_dir / name) for name in (ts, *legacy_names(ts)))


def _partial(out_dir: Path, ts: str) -> Path:
    return out_dir / f"{ts}.partial"
