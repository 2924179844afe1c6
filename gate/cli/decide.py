"""`gate decide`: closes a bundle with a signed decision."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gate.errors import EvidenceError

HELP = """Decide on the release in BUNDLE by the rules of the trust policy, and close it with a signed summary that names every paper.

Nothing is written while roles are missing that must sign, unless --final says that they will not come: then it is FAILED.

Exit status: 0 PASSED, 10 FAILED, 20 the evidence is INVALID, 21 roles are missing and nothing was written, 2 usage."""


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--trust", metavar="DIR", envvar="GATE_TRUST", required=True, type=click.Path(path_type=Path), help="The trust folder (GATE_TRUST)."
)
@click.option(
    "--key", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Key that signs decisions (gate keys new --name release)."
)
@click.option("--resource-uri", metavar="URI", default="", help="What is released, such as pkg:generic/traceability-api@1.2.3.")
@click.option("--final", is_flag=True, help="Decide although roles are missing: FAILED.")
def command(bundle: Path, trust: Path, key: Path, resource_uri: str, *, final: bool) -> None:
    """Verify, decide, write."""
    from gate.evidence.closing import clear, close
    from gate.evidence.keys import load_private
    from gate.evidence.trust import load_trust
    from gate.evidence.verify import State, verify

    trusted, private = load_trust(trust), load_private(key)
    clear(bundle)
    before = verify(bundle, trusted)
    if before.state is State.INVALID or not before.verdict:
        click.echo(f"gate: {bundle} is {before.state}: {before.reason}; nothing was decided.", err=True)
        sys.exit(before.state.exit_status)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = close(bundle, trusted, private, resource=resource_uri, at=now, final=final)
    if made is None:
        click.echo(f"gate: nothing was decided yet: {before.reason}", err=True)
        sys.exit(State.INCOMPLETE.exit_status)
    after = verify(bundle, trusted)
    if after.state is State.INVALID:
        raise EvidenceError(f"the closed bundle is INVALID: {after.reason}", "a valid one", "Report this as a defect of the gate")
    result, reasons = made
    click.echo(f"Decision: {result}")
    for reason in reasons:
        click.echo(f"  {reason}")
    sys.exit(0 if result == "PASSED" else 10)
