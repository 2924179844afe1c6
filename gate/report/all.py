"""Every report of one run, by file name."""

from __future__ import annotations

from collections.abc import Callable

from gate.model import RunRecord
from gate.report import acceptance, ctrf, github, gitlab, html, junit, offline, oscal, result, sarif, security, signoff, text

LEGACY = {
    "release_gate": "release_gate_{ts}.txt",
    "security_regression": "security_regression_{ts}.txt",
    "go_live_acceptance": "go_live_acceptance_{ts}.json",
}


def report_paths(ts: str, out_dir: str = "") -> dict[str, str]:
    """Where a reader finds the three reports of the run `ts`: `out_dir` as the user wrote it, and the file's name."""
    prefix = f"{out_dir.rstrip('/')}/" if out_dir else ""
    return {key: prefix + name.format(ts=ts) for key, name in LEGACY.items()}


def render_all(record: RunRecord) -> dict[str, str]:
    """File name to text, for the bundle's `data/`. The same record gives the same bytes.

    Args:
        record: the run, read back from its journal.
    """
    names = report_paths(record.bundle)
    return {
        names["release_gate"]: text.render(record),
        names["security_regression"]: security.render(record),
        names["go_live_acceptance"]: acceptance.render(record),
        "result.json": result.render(record),
        "junit.xml": junit.render(record),
        "ctrf.json": ctrf.render(record),
        "findings.sarif": sarif.render(record),
        "gl-code-quality.json": gitlab.render(record),
        "oscal.json": oscal.render(record),
        "signoff.md": sign_off(record),
        "report.html": html.render(record),
        "verify.sh": offline.script(),
        "VERIFY.md": offline.guide(),
    }


def sign_off(record: RunRecord) -> str:
    """The sign-off log of this run alone, with what its journal knows of the release."""
    release = signoff.Release(shas=(record.release_sha or None,), tag=record.release_tag or None)
    return signoff.render([(record, report_paths(record.bundle, record.out_dir))], release)


# One renderer a format: what `gate report --format` offers.
FORMATS: dict[str, Callable[[RunRecord], str]] = {
    "text": text.render,
    "security": security.render,
    "acceptance": acceptance.render,
    "result": result.render,
    "junit": junit.render,
    "ctrf": ctrf.render,
    "sarif": sarif.render,
    "gitlab": gitlab.render,
    "github": github.render,
    "oscal": oscal.render,
    "signoff": sign_off,
    "html": html.render,
}
