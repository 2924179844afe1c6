"""`gate decide`: closes a bundle with a signed decision."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.errors import ConfigurationError, EvidenceError

if TYPE_CHECKING:
    from gate.evidence.keys import PrivateKey
    from gate.evidence.trust import Trust

HELP = """Decide on the release in BUNDLE by the rules of the trust policy, and close it with a signed summary that names every paper.

Nothing is written while roles are missing that must sign, or while a key or a person is not in the trust folder, unless --final says that
it will not change: then the decision is FAILED.

Exit status: 0 PASSED, 10 FAILED or decided before, 20 the evidence is INVALID, 21 roles are missing, 22 something is not trusted (nothing
was written in these three cases), 2 usage."""


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--trust", metavar="DIR", envvar="GATE_TRUST", required=True, type=click.Path(path_type=Path), help="The trust folder (GATE_TRUST)."
)
@click.option(
    "--key", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Key that signs decisions (gate keys new --name release)."
)
@click.option("--resource-uri", metavar="URI", default="", help="What is released, such as pkg:generic/traceability-api@1.2.3.")
@click.option("--final", is_flag=True, help="Decide although roles are missing or something is not trusted: FAILED.")
def command(bundle: Path, trust: Path, key: Path, resource_uri: str, *, final: bool) -> None:
    """Verify, decide, write, with nobody signing meanwhile."""
    from gate.evidence.files import turn
    from gate.evidence.keys import load_private
    from gate.evidence.statement import FOLDER
    from gate.evidence.trust import load_trust

    if not bundle.is_dir():
        raise ConfigurationError(f"{bundle} is no folder", "a bundle that `gate run` has written", "Check the path")
    if not resource_uri.isprintable() or len(resource_uri) > 2000:
        raise ConfigurationError("the resource URI cannot be used", "printable characters", "Check --resource-uri")
    trusted, private = load_trust(trust), load_private(key)
    if not (bundle / FOLDER).is_dir():
        _refuse_unusable(bundle, trusted)
    with turn(bundle / FOLDER):
        result, reasons = _decided(bundle, trusted, private, resource_uri, final=final)
    click.echo(f"Decision: {result}")
    for reason in reasons:
        click.echo(f"  {reason}")
    sys.exit(0 if result == "PASSED" else 10)


def _decided(bundle: Path, trusted: Trust, private: PrivateKey, resource: str, *, final: bool) -> tuple[str, tuple[str, ...]]:
    from gate.evidence.closing import clear, close, refuse_decided
    from gate.evidence.verify import State, verify

    refuse_decided(bundle)
    if removed := clear(bundle):
        click.echo(f"gate: removed what an interrupted command had left: {', '.join(removed)}", err=True)
    reason = _refuse_unusable(bundle, trusted, final=final)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = close(bundle, trusted, private, resource=resource, at=now, final=final)
    if made is None:
        click.echo(f"gate: nothing was decided yet: {reason}", err=True)
        sys.exit(State.INCOMPLETE.exit_status)
    after = verify(bundle, trusted)
    if after.state is State.INVALID:
        raise EvidenceError(f"the closed bundle is INVALID: {after.reason}", "a valid one", "Report this as a defect of the gate")
    return made


def _refuse_unusable(bundle: Path, trusted: Trust, *, final: bool = False) -> str:
    """Why nothing can be decided yet, if that may still change; ends the command where it must."""
    from gate.evidence.verify import State, verify

    found = verify(bundle, trusted)
    if found.state is State.INVALID or not found.verdict or (found.state is State.UNTRUSTED and not final):
        click.echo(f"gate: {bundle} is {found.state}: {found.reason}; nothing was decided.", err=True)
        sys.exit(found.state.exit_status)
    return found.reason
