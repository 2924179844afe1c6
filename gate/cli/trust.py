"""`gate trust`: checks a trust folder and writes approvers.json, which programs without TOML read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.errors import ConfigurationError

if TYPE_CHECKING:
    from gate.evidence.trust import Trust

HELP = """Check the trust folder DIR, say what it means, and write approvers.json from approvers.toml.

It holds gate*.pub.pem (keys that may sign runs), release*.pub.pem (keys that may sign decisions) and approvers.toml (people, keys, roles;
docs/SIGNING.md). Auditors must get it by another way than the bundles."""


@click.command(help=HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Load strictly, write, tell."""
    from gate.evidence.files import replace_file
    from gate.evidence.trust import JSON, TOML, load_trust
    from gate.target.toml import load_toml, validate

    if (folder / TOML).exists():
        validate(folder / TOML, _with_days_as_texts(load_toml(folder / TOML)), "approvers.schema.json")
    trust = load_trust(folder, anew=True)
    _refuse_private_keys(folder)
    click.echo(f"Keys that may sign runs: {len(trust.gate)}; decisions: {len(trust.release)}")
    if trust.digestible is None:
        click.echo(f"No {TOML}: nobody can approve.")
        return
    replace_file(folder / JSON, trust.digestible)
    _tell(trust)
    click.echo(f"Written: {folder / JSON}")


def _tell(trust: Trust) -> None:
    from gate.evidence.sshsig import fingerprint

    if trust.approvers is None:
        return
    click.echo(f"Roles that must sign, each by another person: {', '.join(trust.approvers.required_roles)}")
    click.echo(f"Evidence may be {trust.approvers.evidence_max_age_hours} hours old")
    for person in trust.approvers.person:
        click.echo(f"{person.id} ({person.name}) may sign for {', '.join(person.roles) or 'nothing'}")
        for rule in person.may_except:
            click.echo(f"  may except others from: {rule}")
        for key in person.key:
            factor = ", touch and PIN demanded" if key.second_factor else ""
            click.echo(f"  {fingerprint(key.public)} from {key.valid_from} until {key.valid_until}{factor}")


def _refuse_private_keys(folder: Path) -> None:
    """This folder is given to everybody who verifies."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and b"PRIVATE KEY-----" in path.read_bytes()[:4096]:
            raise ConfigurationError(f"{path} is a private key", "public halves only, since this folder is given away", "Move it elsewhere")


def _with_days_as_texts(value: Any) -> Any:
    """The same for JSON Schema, which knows no days."""
    if isinstance(value, dict):
        return {key: _with_days_as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_days_as_texts(item) for item in value]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value
