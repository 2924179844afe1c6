"""`gate trust`: checks a trust folder and writes approvers.json, which verify.sh reads."""

from __future__ import annotations

from pathlib import Path

import click

HELP = """Check the trust folder DIR, say what it means, and write approvers.json from approvers.toml.

It holds gate*.pub.pem (keys that may sign runs), release*.pub.pem (keys that may sign decisions) and approvers.toml (people, keys, roles;
docs/SIGNING.md). Auditors must get it by another way than the bundles."""


@click.command(help=HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Load strictly, write, tell."""
    from gate.evidence.files import replace_file
    from gate.evidence.sshsig import fingerprint
    from gate.evidence.trust import JSON, TOML, load_trust

    if (folder / TOML).is_file():
        (folder / JSON).unlink(missing_ok=True)
    trust = load_trust(folder)
    click.echo(f"Keys that may sign runs: {len(trust.gate)}; decisions: {len(trust.release)}")
    if trust.approvers is None or trust.digestible is None:
        click.echo(f"No {TOML}: nobody can approve.")
        return
    replace_file(folder / JSON, trust.digestible)
    click.echo(f"Roles that must sign: {', '.join(trust.approvers.required_roles)}")
    click.echo(f"Evidence may be {trust.approvers.evidence_max_age_hours} hours old")
    for person in trust.approvers.person:
        click.echo(f"{person.id} ({person.name}) may sign for {', '.join(person.roles) or 'nothing'}")
        for rule in person.may_except:
            click.echo(f"  may except others from: {rule}")
        for key in person.key:
            factor = ", touch and PIN demanded" if key.second_factor else ""
            click.echo(f"  {fingerprint(key.public)} from {key.valid_from} until {key.valid_until}{factor}")
    click.echo(f"Written: {folder / JSON}")
