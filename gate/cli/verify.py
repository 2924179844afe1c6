"""`gate verify`: whether a bundle's evidence is whole, whose it is, and what it says."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.errors import ConfigurationError

if TYPE_CHECKING:
    from gate.evidence.verify import Verification

HELP = """Verify the evidence BUNDLE, offline and without trusting it.

VALID says that the evidence is whole, signed and decided by whom the trust folder names, not that the release is good: read the verdict and
the decision that it prints, or demand them with --require-passed.

Exit status: 0 VALID, 20 INVALID, 21 INCOMPLETE, 22 UNTRUSTED; 10 with --require-passed unless VALID and decided PASSED; 2 usage."""
NO_GO = 10


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--trust", metavar="DIR", envvar="GATE_TRUST", type=click.Path(path_type=Path), help="Keys and people you trust (GATE_TRUST)."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--require-passed", is_flag=True, help="End with 10 unless the evidence is VALID and the decision PASSED.")
@click.option("--chain", is_flag=True, help="BUNDLE is a folder of bundles: does each one's predecessor stand beside it, unchanged?")
@click.option("--selftest", is_flag=True, help="Flip bits of a copy, edit it at random, remove, add, rename: is each noticed?")
@click.option("--seed", type=int, help="With --selftest: the same random changes as one before, which printed it.")
def command(
    bundle: Path, trust: Path | None, *, as_json: bool, require_passed: bool, chain: bool, selftest: bool, seed: int | None
) -> None:
    """Verify, tell, exit."""
    if not bundle.is_dir():
        raise ConfigurationError(f"{bundle} is no folder", "a bundle that `gate run` has written", "Check the path")
    from gate.evidence.trust import load_trust

    trusted = load_trust(trust) if trust else None
    if chain:
        from gate.evidence.verify.chain import broken_links

        problems = broken_links(bundle)
        click.echo("\n".join(problems) or "Every bundle names the one before it, and all are here.")
        sys.exit(20 if problems else 0)
    if selftest:
        from gate.evidence.verify.selftest import prove

        sys.exit(prove(bundle, trusted, click.echo, lambda text: click.echo(text, err=True), seed))
    _one(bundle, trusted, as_json=as_json, require_passed=require_passed)


def _one(bundle: Path, trusted: object, *, as_json: bool, require_passed: bool) -> None:
    from gate.evidence.trust import Trust
    from gate.evidence.verify import State, verify

    found = verify(bundle, trusted if isinstance(trusted, Trust) else None)
    text = json.dumps(found.as_json(), indent=1, ensure_ascii=True) if as_json else _told(found)
    with suppress(BrokenPipeError):  # `gate verify ... | head -1`: the answer is known, whoever reads it
        click.echo(text)
    passed = found.state is State.VALID and found.decision == "PASSED"
    sys.exit(NO_GO if require_passed and not passed else found.state.exit_status)


def _told(found: Verification) -> str:
    from gate.evidence.verify import State
    from gate.report.clean import line

    lines = [f"{found.state}: {line(found.reason, 400)}" + (f" (step {found.step})" if found.state is not State.VALID else "")]
    lines.append(f"Verdict of the gate: {found.verdict or 'unknown'}; decision: {found.decision or 'none'}")
    for step in found.steps:
        mark = "ok  " if step.state is State.VALID else f"{step.state.value}: "
        lines.append(f"{step.number:3} {step.title}: {mark.strip()} {line(step.note, 300)}")
    lines += [
        f"    {line(signer['role'], 40)}: {line(signer['name'], 80)}, {line(signer['decision'], 120)}, {signer['at']}"
        for signer in found.signers
    ]
    return "\n".join(lines)
