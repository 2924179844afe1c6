"""`gate sign`: one person says, with an SSH key of their own, what they think of a run for one role."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gate.errors import ConfigurationError, EvidenceError
from gate.model.trust import RULES

HELP = """Sign for one role that the run in BUNDLE is approved or rejected, with your own SSH key.

What you sign is shown first. --meaning says in your words what your signature means (such as "Approved for production release"); a
rejection needs its --reason. With --exception, a person who may do so lets one rule go for another person in one role, with a reason."""


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--role", metavar="ROLE", required=True, help="The role that you sign for.")
@click.option("--decision", type=click.Choice(["approve", "reject"]), help="What you decide.")
@click.option("--meaning", metavar="TEXT", default="", help="What your signature means.")
@click.option("--reason", metavar="TEXT", default="", help="Why; a rejection and an exception need it.")
@click.option("--as", "signer", metavar="ID", required=True, help="Who you are in approvers.toml.")
@click.option("--ssh-key", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Your SSH key; its .pub with an agent.")
@click.option(
    "--trust", metavar="DIR", envvar="GATE_TRUST", required=True, type=click.Path(path_type=Path), help="The trust folder (GATE_TRUST)."
)
@click.option("--exception", "rule", type=click.Choice(RULES), help="Let this rule go for --person in --role, instead of deciding.")
@click.option("--person", metavar="ID", default="", help="For whom the rule is let go.")
def command(bundle: Path, signer: str, ssh_key: Path, trust: Path, **given: Any) -> None:
    """Check, show, sign, check again, lay down."""
    from gate.evidence import approval, sshsig
    from gate.evidence.trust import load_trust

    trusted = load_trust(trust)
    verdict = _checked(bundle, trusted)
    person = next((person for person in trusted.approvers.person if person.id == signer), None) if trusted.approvers else None
    if person is None:
        raise ConfigurationError(f"nobody in the trust policy is called '{signer:.80}'", "an id of approvers.toml", "Check --as")
    about = approval.subject(bundle)
    kind, role, predicate = _predicate(given, verdict, about[1])
    predicate |= {"signer": {"id": person.id, "printedName": person.name}, "keyFingerprint": _fingerprint(ssh_key)}
    paper = approval.statement(about, kind, predicate)
    click.echo(predicate["statementText"], err=True)
    signature = sshsig.sign(ssh_key, paper)
    name = approval.next_name(bundle / "attestations" / approval.APPROVALS, role)
    _would_count(bundle, approval.read(name, paper, signature, about), trusted)
    click.echo(f"Signed: {approval.write(bundle, role, paper, signature)}")


def _checked(bundle: Path, trusted: Any) -> str:
    """The verdict of a bundle that can still be signed."""
    from gate.evidence import approval
    from gate.evidence.decision import DECISION
    from gate.evidence.verify import State, verify

    if (bundle / "attestations" / DECISION).exists():
        raise EvidenceError(
            f"{bundle} is decided already", "a bundle without a decision", "Run the gate again if it has to be decided anew"
        )
    if (bundle / "attestations" / approval.APPROVALS).is_dir():
        approval.clear(bundle / "attestations" / approval.APPROVALS)
    found = verify(bundle, trusted)
    if found.state is State.INVALID or not found.verdict:
        raise EvidenceError(f"{bundle} is {found.state}: {found.reason}", "evidence that is whole", "See: gate verify")
    return found.verdict


def _predicate(given: dict[str, Any], verdict: str, digest: str) -> tuple[str, str, dict[str, Any]]:
    from gate.evidence import approval
    from gate.evidence.trust import ROLE

    role, reason, now = given["role"], given["reason"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not ROLE.fullmatch(role):
        raise ConfigurationError(f"'{role:.40}' is no role", "a role of approvers.toml", "Check --role")
    common = {"reason": reason, "role": role, "signedAt": now}
    if given["rule"]:
        if not reason.strip() or not given["person"]:
            raise ConfigurationError("an exception needs --person and --reason", "both", "Give them")
        told = f"I let the rule {given['rule']} go for {given['person']} as {role}, because: {reason}. Evidence sha256:{digest}."
        return (
            approval.EXCEPTION_TYPE,
            approval.EXCEPTION,
            {**common, "rule": given["rule"], "person": given["person"], "statementText": told},
        )
    if given["decision"] is None or not given["meaning"].strip():
        raise ConfigurationError(
            "--decision or --meaning is missing", "both", 'Give them, e.g. --meaning "Approved for production release"'
        )
    if given["decision"] == "reject" and not reason.strip():
        raise ConfigurationError("a rejection without --reason", "the reason", "Give it")
    if given["decision"] == "approve" and verdict != "GO":
        raise EvidenceError(
            f"the gate's verdict is {verdict}", "GO, since nothing else can be released", "Reject it, or run the gate again"
        )
    word = "approve" if given["decision"] == "approve" else "reject"
    told = f"As {role} I {word} the release that this evidence is about (gate: {verdict}, sha256:{digest}): {given['meaning']}."
    return approval.APPROVAL_TYPE, role, {**common, "decision": given["decision"], "meaning": given["meaning"], "statementText": told}


def _fingerprint(key_file: Path) -> str:
    """Of the key that will sign, from the .pub beside it."""
    from gate.evidence.decode import Mismatch
    from gate.evidence.sshsig import fingerprint

    path = key_file if key_file.suffix == ".pub" else key_file.with_name(key_file.name + ".pub")
    try:
        return fingerprint(" ".join(path.read_text(encoding="utf-8").split()[:2]))
    except (OSError, UnicodeDecodeError, Mismatch) as error:
        raise ConfigurationError(
            f"{path} cannot be used ({error})", "the public half of an ed25519 or ECDSA P-256 key", "Check --ssh-key"
        ) from None


def _would_count(bundle: Path, paper: Any, trusted: Any) -> None:
    """Refuse now what the decision would refuse later."""
    from gate.evidence import rules
    from gate.evidence.verify.papers import read_papers, read_statement
    from gate.evidence.verify.run import read_journal

    said = read_statement(bundle, read_journal(bundle))
    own = said.extension
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    found = rules.check([*read_papers(bundle, said), paper], trusted.approvers, about)
    mine = [text for text in (*found.untrusted, *found.broken) if text.startswith(paper.name)]
    if mine and paper.decision != "reject":
        raise EvidenceError(mine[0], "a signature that counts", "See docs/SIGNING.md")
