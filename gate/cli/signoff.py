"""`gate signoff`: the sign-off log of a release, written from the journals of its runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click

from gate.errors import ConfigurationError
from gate.evidence import JOURNAL, replay
from gate.evidence.files import replace_file
from gate.model import RunRecord
from gate.model.signed import SignOff
from gate.report.all import report_paths
from gate.report.signoff import Records, Release, render

HELP = """Write the sign-off log from the evidence of one or more runs, with who signed it (`gate sign`) and whether that counts.

The first BUNDLE is the deployment, later ones are re-validations. What the evidence does not hold reads "not recorded"; an approver who
is not named is pending, and one who is only named here has not signed. The exit status is 0 whatever the log says: it records, it does not
decide."""


@click.command(help=HELP)
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--sha",
    "shas",
    metavar="X",
    multiple=True,
    help="Commit of the deployment (default: what the run was told, or of this checkout); again for each re-validation.",
)
@click.option("--tag", metavar="T", help="Release tag (default: what the run was told, or the tag of this checkout's commit).")
@click.option("--engineering", metavar="NAME", help="Who approves for Engineering.")
@click.option("--qa", metavar="NAME", help="Who approves for QA.")
@click.option("--operations", metavar="NAME", help="Who approves for Operations.")
@click.option(
    "--trust", metavar="DIR", envvar="GATE_TRUST", type=click.Path(path_type=Path), help="Keys and people to judge by (GATE_TRUST)."
)
@click.option("--format", "kind", type=click.Choice(["markdown", "html", "pdf"]), default="markdown", show_default=True, help="Of the log.")
@click.option("--output", "-o", metavar="F", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
def command(
    bundles: tuple[Path, ...],
    shas: tuple[str, ...],
    tag: str | None,
    engineering: str | None,
    qa: str | None,
    operations: str | None,
    trust: Path | None,
    kind: str,
    output: Path | None,
) -> None:
    """Replay, verify, render, write."""
    if kind == "pdf" and output is None:
        raise ConfigurationError("a PDF cannot be shown here", "a file for it", "Give --output")
    runs = _runs(bundles)
    release = Release(
        shas=shas or _shas(runs),
        tag=tag or runs[0][0].release_tag or git("describe", "--tags", "--exact-match"),
        engineering=engineering,
        qa=qa,
        operations=operations,
    )
    log = _rendered(kind, runs, release, _papers(bundles, runs, trust))
    if output is None:
        click.echo(log, nl=False)
    else:
        replace_file(output, log)


def _papers(bundles: tuple[Path, ...], runs: Records, trust: Path | None) -> tuple[SignOff, ...]:
    """What was signed, for each run that has a verdict; others cannot be signed."""
    from gate.evidence.signers import sign_off
    from gate.evidence.trust import load_trust

    trusted = load_trust(trust) if trust else None
    return tuple(sign_off(bundle, trusted) for bundle, (record, _) in zip(bundles, runs, strict=True) if record.decision)


def _shas(runs: Records) -> tuple[str | None, ...]:
    """What each run was told it tests; for the deployment, where it was told nothing, this checkout's commit."""
    first, *later = [record.release_sha or None for record, _ in runs]
    return (first or git("rev-parse", "--short", "HEAD"), *later)


def _rendered(kind: str, runs: Records, release: Release, papers: tuple[SignOff, ...]) -> bytes:
    if kind == "markdown":
        return render(runs, release, papers).encode()
    from gate.report.signoff_page import html, pdf

    page = html(runs, release, papers)
    return pdf(page) if kind == "pdf" else page.encode()


def _runs(bundles: tuple[Path, ...]) -> list[tuple[RunRecord, dict[str, str]]]:
    runs: list[tuple[RunRecord, dict[str, str]]] = []
    seen: set[str] = set()
    for bundle in bundles:
        record = replay(bundle / "data" / JOURNAL)
        if record.run_id in seen:
            raise ConfigurationError(f"{bundle} holds a run that was named before", "each run once", "Check the bundles")
        seen.add(record.run_id)
        runs.append((record, _paths(bundle)))
    return runs


def _paths(bundle: Path) -> dict[str, str]:
    """Where the run's reports are, as the user would name them; those that are nowhere (an interrupted run has none) are left out."""
    ts = bundle.resolve().name.removesuffix(".partial")
    found: dict[str, str] = {}
    for folder in (bundle / "data", bundle.parent if bundle.name else bundle / ".."):
        found |= {key: _shown(folder / name) for key, name in report_paths(ts).items() if (folder / name).is_file()}
    return found


def _shown(path: Path) -> str:
    """Relative to this folder where it is inside it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path)


def git(*arguments: str) -> str | None:
    """What git says of this folder; None where it says nothing."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
