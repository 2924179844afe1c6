"""`gate run`: the whole gate against one target, from settings to a published bundle and an exit status."""

from __future__ import annotations

import io
import secrets
import sys
from typing import TYPE_CHECKING, Any

import click

from gate.errors import GateError

if TYPE_CHECKING:
    from gate.cli.with_load import WithLoad
    from gate.target.settings import Settings

HELP = """Run the release gate against a deployed service.

BASE_URL, the four tokens (ADMIN_TOKEN, QA_TOKEN, OPS_TOKEN, VIEWER_TOKEN, or each with _FILE) and the other settings come from the
environment, an env file (.env, staging.env) or gate.toml; tokens are never given on the command line.

The evidence is a folder of its own. VERIFY.md in it says how a stranger checks it: with `gate verify`, or with their own copy of the
verify.sh beside it, which needs nothing of this program.

Exit status: 0 GO, 10 NO-GO, 11 INCONCLUSIVE, 1 the gate itself broke, 2 usage or configuration, 130 interrupted."""


@click.command(help=HELP)
@click.option("--base-url", metavar="URL", help="The deployed service (BASE_URL).")
@click.option("--env-file", metavar="FILE", help="Read settings from this file instead of .env and staging.env.")
@click.option("--profile", metavar="NAME", help="Kind of target: a shipped profile or a .toml file (GATE_PROFILE; supply_intel).")
@click.option("--policy", metavar="NAME", help="What blocks: baseline, strict or a .toml file (GATE_POLICY; baseline).")
@click.option("--waivers", metavar="FILE", help="Findings that somebody answers for until a day (GATE_WAIVERS; `gate waive`).")
@click.option("--environment", metavar="NAME", help="Name of the environment in reports (GATE_ENVIRONMENT, APP_ENV; staging).")
@click.option("--out-dir", metavar="DIR", help="Where reports go (OUT_DIR; reports/<environment>).")
@click.option("--batch-code", metavar="CODE", help="The drill batch (BATCH_CODE).")
@click.option("--ca-bundle", metavar="FILE", help="PEM file of the CA that signed the target's certificate (GATE_CA_BUNDLE).")
@click.option("--proxy", metavar="URL", help="HTTP proxy (GATE_PROXY); the proxy variables of the environment are not read.")
@click.option("--concurrency", metavar="N", help="Requests in flight at once (GATE_CONCURRENCY).")
@click.option("--level", metavar="CLASS", help="Strongest request class that may leave: read, denied, drill, burst (GATE_LEVEL; burst).")
@click.option("--with-load", metavar="NAME", help="Send load as well: smoke, steady, ... of the profile's [load] (GATE_WITH_LOAD).")
@click.option("--allow-production-load", is_flag=True, help="Send that load to production, too: smoke, only reads.")
@click.option("--key", metavar="FILE", help="Private key that signs the evidence (GATE_KEY; `gate keys new`); without: UNSIGNED.")
@click.option("--artifact", metavar="FILE", help="What is released, or its digest as sha256:HEX (GATE_ARTIFACT).")
@click.option("--operator", metavar="NAME", help="Who runs this and may not approve it (GATE_OPERATOR; git's e-mail, else the login).")
@click.option("--release-sha", metavar="SHA", help="Commit of the release, for the sign-off log (default: of this folder's checkout).")
@click.option("--release-tag", metavar="TAG", help="Tag of the release, for the sign-off log (default: this checkout's).")
def command(release_sha: str | None, release_tag: str | None, *, allow_production_load: bool, **options: Any) -> None:
    """Settings, run, reports, verdict."""
    for stream in (sys.stdout, sys.stderr):
        # A report holds what a stranger's service said; a terminal that knows ASCII only must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from gate.redact import Redactor
    from gate.target.policy import load_policy
    from gate.target.settings import load_settings

    settings = load_settings(options)
    policy = load_policy(settings.policy)
    redactor = Redactor(settings.secrets)
    from gate.cli.about import about
    from gate.cli.running import Run
    from gate.evidence import Bundle

    known = about(settings, secrets.token_hex(6), release_sha, release_tag)
    load = _load(settings, allow_production=allow_production_load)
    bundle = Bundle(settings.out_dir)
    run = Run(settings, policy, redactor, bundle, known)
    if load is not None:
        run.engine.loader = lambda: load.carry_out(run.engine, bundle.data, redactor)
    try:
        verdict = run.carry_out()
    except GateError as error:
        click.echo(f"gate: what was seen so far is in {bundle.folder}", err=True)
        error.args = (redactor.text(error.sentence),)
        raise
    sys.stdout.flush()
    sys.exit(verdict.exit_status)


def _load(settings: Settings, *, allow_production: bool) -> WithLoad | None:
    """The load that was asked for, or None; ConfigurationError, before anything is sent, where it may not be sent."""
    if settings.with_load is None:
        return None
    from gate.cli.with_load import WithLoad

    return WithLoad(settings, settings.with_load, allow_production=allow_production)
