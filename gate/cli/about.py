"""What is known about a run before it begins: who runs it, on what release, judged by what."""

from __future__ import annotations

import getpass
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.signoff import git
from gate.decide.verdict import Policy
from gate.errors import ConfigurationError
from gate.evidence.files import sha256_file
from gate.model import Terms, Waiver
from gate.paths import data_root
from gate.target.policy import policy_file
from gate.target.settings import Settings
from gate.target.waivers import load_waivers

if TYPE_CHECKING:
    from gate.evidence.keys import PrivateKey

# What takes part in a verdict; the other packages only serve commands that have none.
PACKAGES = ("jinja2", "jmespath", "jsonschema", "psycopg", "pytest", "pytest-html", "requests", "rfc8785")
DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class About:
    """Names and digests, each empty where it is unknown; `key` signs the evidence, None leaves it unsigned."""

    run_id: str
    operator: str
    commit_author: str
    release_sha: str
    release_tag: str
    artifact: str
    key: PrivateKey | None = field(repr=False)
    waivers: tuple[Waiver, ...] = ()


def about(settings: Settings, run_id: str, release_sha: str | None, release_tag: str | None) -> About:
    """Ask the settings first, then this folder's git checkout; ConfigurationError where a file that was named cannot be used."""
    return About(
        run_id,
        operator=settings.operator or git("config", "user.email") or _login(),
        commit_author=settings.commit_author or git("log", "-1", "--format=%ae", "--end-of-options", release_sha or "HEAD", "--") or "",
        release_sha=release_sha or git("rev-parse", "--short", "HEAD") or "",
        release_tag=release_tag or git("describe", "--tags", "--exact-match") or "",
        artifact=_artifact(settings.artifact),
        key=_key(settings.key),
        waivers=load_waivers(settings.waivers),
    )


def terms(settings: Settings, policy: Policy, sources: dict[str, str], waivers: tuple[Waiver, ...] = ()) -> Terms:
    """What the run is judged by."""
    files = {"profile": settings.profile.path, "policy": policy_file(settings.policy), "waivers": settings.waivers}
    return Terms(
        contract=policy.contract,
        hardening=policy.hardening,
        not_applicable_criteria=tuple(sorted(settings.profile.not_applicable_criteria)),
        inputs={name: sha256_file(path) if path else None for name, path in files.items()},
        packages={name: _version(name) for name in PACKAGES},
        suites_commit=_suites_commit(data_root()),
        sources=sources,
        waivers=waivers,
    )


def _artifact(given: str) -> str:
    """The digest of what is released: as it was given, or of the file that was named."""
    if not given:
        return ""
    if known := DIGEST.fullmatch(given):
        return known[1]
    path = Path(given)
    if not path.is_file():
        raise ConfigurationError(f"the artifact '{given[:200]}' is no file", "a file, or its digest as sha256:HEX", "Check --artifact")
    return sha256_file(path)


def _key(path: Path | None) -> PrivateKey | None:
    if path is None:
        return None
    from gate.evidence.keys import load_private

    return load_private(path)


def _login() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return f"uid {os.getuid()}"  # never empty: whoever ran it may not approve it


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _suites_commit(root: Path) -> str:
    """The commit of the suites, with a mark if they differ from it; empty where they are no checkout of their own."""
    if not (root / ".git").exists():
        return ""
    commit = git("-C", str(root), "rev-parse", "HEAD") or ""
    changed = git("-C", str(root), "status", "--porcelain", "--", "suites", "fixtures/profiles", "fixtures/policies")
    return f"{commit}-changed" if commit and changed else commit
