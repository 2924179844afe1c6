"""`gate sign`: one person says, with an SSH key of their own, what they think of a run for one role."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.errors import ConfigurationError, EvidenceError, Refused
from gate.model.trust import RULES, Person

if TYPE_CHECKING:
    from gate.evidence.approval import Paper
    from gate.evidence.trust import Trust
    from gate.evidence.verify import Verification

HELP = """Sign for one role that the run in BUNDLE is approved or rejected, with your own SSH key.

What you sign is shown first. --meaning says in your words what your signature means (such as "Approved for production release"); a
rejection needs its --reason. With --exception, a person who may do so lets one rule go for another person in one role, with a reason.

Exit status: 0 signed, 10 refused by a rule of the trust policy, 20 the evidence is INVALID, 21 the run was never finished, 1 ssh-keygen did
not sign, 2 usage. Nothing is written unless it is 0."""


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
    from gate.evidence.files import turn
    from gate.evidence.statement import FOLDER
    from gate.evidence.trust import load_trust

    trusted = load_trust(trust)
    person = _person(trusted, signer)
    verdict = _checked(bundle, trusted)
    about = approval.subject(bundle)
    kind, role, predicate = _predicate(given, verdict, about[1])
    predicate |= {"signer": {"id": person.id, "printedName": person.name}, "keyFingerprint": _fingerprint(ssh_key)}
    paper = approval.statement(about, kind, predicate)
    click.echo(f"Evidence: {bundle}, verdict of the gate: {verdict}", err=True)
    click.echo(f"{person.name} ({person.id}) signs: {predicate['statementText']}", err=True)
    signature = sshsig.sign(ssh_key, paper)
    with turn(bundle / FOLDER):
        _refuse_useless(bundle, role, paper, signature, trusted)
        path = approval.write(bundle, role, paper, signature)
    click.echo(f"Signed: {path}")


def _person(trusted: Trust, signer: str) -> Person:
    people = trusted.approvers.person if trusted.approvers else ()
    person = next((person for person in people if person.id == signer), None)
    if person is None:
        raise ConfigurationError(f"nobody in the trust policy is called '{signer:.80}'", "an id of approvers.toml", "Check --as")
    return person


def _checked(bundle: Path, trusted: Trust) -> str:
    """The verdict of a bundle that can still be signed."""
    from gate.evidence.closing import clear, refuse_decided
    from gate.evidence.files import turn
    from gate.evidence.statement import FOLDER
    from gate.evidence.verify import State, verify

    if not bundle.is_dir():
        raise ConfigurationError(f"{bundle} is no folder", "a bundle that `gate run` has written", "Check the path")
    refuse_decided(bundle)
    if (bundle / FOLDER).is_dir():
        with turn(bundle / FOLDER):
            if removed := clear(bundle):
                click.echo(f"gate: removed what an interrupted command had left: {', '.join(removed)}", err=True)
    found = verify(bundle, trusted)
    if found.state is State.INVALID or not found.verdict:
        raise _Unusable(bundle, found)
    return found.verdict


class _Unusable(EvidenceError):  # noqa: N818 - what the evidence is, not a fault
    """Evidence that nobody can sign; the exit status is that of `gate verify`."""

    def __init__(self, bundle: Path, found: Verification) -> None:
        super().__init__(f"{bundle} is {found.state}: {found.reason}", "evidence that is whole", "See: gate verify")
        self.exit_status = found.state.exit_status


def _predicate(given: dict[str, Any], verdict: str, digest: str) -> tuple[str, str, dict[str, Any]]:
    """The kind of paper, what its file is called after, and its predicate, as far as it does not depend on who signs."""
    from gate.evidence.trust import is_role

    role, now = given["role"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not is_role(role):
        raise ConfigurationError(f"'{role:.40}' is no role", "a role of approvers.toml", "Check --role")
    common = {"reason": given["reason"], "role": role, "signedAt": now}
    return _exception(given, common, digest) if given["rule"] else _approval(given, common, verdict, digest)


def _exception(given: dict[str, Any], common: dict[str, str], digest: str) -> tuple[str, str, dict[str, Any]]:
    from gate.evidence import approval

    if given["decision"] or given["meaning"]:
        raise ConfigurationError("--exception stands for itself", "no --decision and no --meaning", "Leave them out")
    if not common["reason"].strip() or not given["person"]:
        raise ConfigurationError("an exception needs --person and --reason", "both", "Give them")
    rule, person, role = given["rule"], given["person"], common["role"]
    told = f"I let the rule {rule} go for {person} as {role}, because: {common['reason']}. Evidence sha256:{digest}."
    return approval.EXCEPTION_TYPE, approval.EXCEPTION, {**common, "rule": rule, "person": person, "statementText": told}


def _approval(given: dict[str, Any], common: dict[str, str], verdict: str, digest: str) -> tuple[str, str, dict[str, Any]]:
    from gate.evidence import approval

    word, meaning, role, reason = given["decision"], given["meaning"], common["role"], common["reason"]
    if given["person"]:
        raise ConfigurationError("--person belongs to --exception", "one with the other", "Leave it out, or see --as")
    if word is None or not meaning.strip():
        raise ConfigurationError(
            "--decision or --meaning is missing", "both", 'Give them, e.g. --meaning "Approved for production release"'
        )
    if word == "reject" and not reason.strip():
        raise ConfigurationError("a rejection without --reason", "the reason", "Give it")
    if word == "approve" and verdict != "GO":
        raise Refused(f"the gate's verdict is {verdict}", "GO, since nothing else can be released", "Reject it, or run the gate again")
    because = f", because: {reason}" if reason else ""
    told = f"As {role} I {word} the release that this evidence is about (gate: {verdict}, sha256:{digest}): {meaning}{because}."
    return approval.APPROVAL_TYPE, role, {**common, "decision": word, "meaning": meaning, "statementText": told}


def _fingerprint(key_file: Path) -> str:
    """Of the key that will sign, from the .pub beside it."""
    from gate.evidence.sshsig import fingerprint

    path = key_file if key_file.suffix == ".pub" else key_file.with_name(key_file.name + ".pub")
    try:
        return fingerprint(" ".join(path.read_text(encoding="utf-8").split()[:2]))
    except OSError as error:
        why = error.strerror
    except ValueError as error:
        why = str(error)
    raise ConfigurationError(f"{path} cannot be used ({why})", "the public half of an ed25519 or ECDSA P-256 key", "Check --ssh-key")


def _refuse_useless(bundle: Path, role: str, content: bytes, signature: bytes, trusted: Trust) -> None:
    """Refuse now what the decision would refuse later: a paper, once laid down, stays."""
    from gate.evidence import approval
    from gate.evidence.closing import refuse_decided
    from gate.evidence.decode import Mismatch
    from gate.evidence.verify.papers import read_papers, read_statement
    from gate.evidence.verify.run import read_journal

    refuse_decided(bundle)  # somebody may have, while this person looked for the key
    said = read_statement(bundle, read_journal(bundle))
    name = approval.next_name(bundle / "attestations" / approval.APPROVALS, role)
    try:
        paper = approval.read(name, content, signature, said.about)
    except Mismatch as error:
        raise EvidenceError(
            f"the signature cannot be used: {error}", "one by the key of --ssh-key", "Check --ssh-key and its .pub"
        ) from None
    _refuse_broken([*read_papers(bundle, said), paper], said.extension, trusted)


def _refuse_broken(papers: list[Paper], own: dict[str, Any], trusted: Trust) -> None:
    """The last of the papers is the new one. A rejection is refused only if it could not be known whose it is, or for which role."""
    from gate.evidence import rules

    if trusted.approvers is None:
        return
    about = rules.About(own["finishedAt"], own["operator"], own["commitAuthor"], own["verdict"])
    found, new = rules.check(papers, trusted.approvers, about), papers[-1]
    person = rules.person_of(new, trusted.approvers)
    stranger = not new.is_exception and (person is None or new.role not in person.roles)
    mine = [text for text in found.broken if text.startswith(f"{new.name}:")]
    if found.untrusted or (mine and (stranger or new.decision != "reject")):
        raise Refused([*found.untrusted, *mine][0], "a signature that counts", "See docs/SIGNING.md")
