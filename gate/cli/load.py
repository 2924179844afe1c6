"""`gate load`: the target under load, from settings to a judged result and an exit status."""

from __future__ import annotations

import json
import re
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from gate import __version__
from gate.errors import ConfigurationError, Interrupted

if TYPE_CHECKING:
    from gate.cli.recall_times import Recalls
    from gate.load import Plan, RateLimit, Rules, Target, Workers
    from gate.model import LoadCheck, LoadJudgement, LoadResult
    from gate.target.settings import Settings

HELP = """Send load to a deployed service, on a fixed schedule, and judge its latency and errors.

The target profile's [load] section says what is sent and how it is judged. Latency counts from the moment at which a request was due.
BASE_URL, tokens and the other settings come from where `gate run` takes them.

Exit status: 0 passed, 10 failed, 11 inconclusive, 2 refused before the first byte, or usage or configuration, 1 the gate itself broke,
130 interrupted."""
STATUSES = {"passed": 0, "failed": 10, "inconclusive": 11, "refused": 2}


@click.command(help=HELP)
@click.option(
    "--profile", "load_profile", metavar="NAME", default="smoke", show_default=True, help="Load profile: smoke, steady, step, ..."
)
@click.option("--target-profile", metavar="NAME", help="Kind of target: a shipped profile or a .toml file (GATE_PROFILE; supply_intel).")
@click.option("--base-url", metavar="URL", help="The deployed service (BASE_URL).")
@click.option("--env-file", metavar="FILE", help="Read settings from this file instead of .env and staging.env.")
@click.option("--environment", metavar="NAME", help="Name of the environment (GATE_ENVIRONMENT, APP_ENV; staging).")
@click.option("--out-dir", metavar="DIR", help="Results go to DIR/load/ (OUT_DIR; reports/<environment>).")
@click.option("--batch-code", metavar="CODE", help="The drill batch (BATCH_CODE).")
@click.option("--ca-bundle", metavar="FILE", help="PEM file of the CA that signed the target's certificate (GATE_CA_BUNDLE).")
@click.option("--against", metavar="PATH", type=click.Path(path_type=Path), help="Compare with an earlier bundle or load result.")
@click.option("--processes", metavar="N", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that send, here.")
@click.option("--expect-workers", metavar="N", type=click.IntRange(1, 1000), help="Wait for N workers that are started elsewhere.")
@click.option("--bind", metavar="HOST:PORT", help="Where they join (127.0.0.1 and a free port).")
@click.option("--rate-limit", metavar="N/SECONDS", help="The target's rate limit, where its profile declares none.")
@click.option("--limit-share", metavar="PERCENT", type=click.IntRange(1, 95), default=80, show_default=True, help="Of the limit, to use.")
@click.option("--beyond-limit", is_flag=True, help="Go over the declared limit.")
@click.option("--allow-production-load", is_flag=True, help="Send smoke, only reads, to production.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(load_profile: str, against: Path | None, *, as_json: bool, **options: Any) -> int:
    """Settings, safety, load, judgement."""
    try:
        return _carry_out(load_profile, against, as_json=as_json, **options)
    except ConfigurationError as error:
        if as_json:
            from gate.cli.mask import masked

            click.echo(json.dumps({"outcome": "refused", "reasons": [masked(error.sentence)]}))
        raise


def _carry_out(load_profile: str, against: Path | None, *, as_json: bool, **options: Any) -> int:
    from gate.cli.progress import clock
    from gate.load import Around, check, fact_of, judged, plan_load, run_load
    from gate.target.settings import load_settings

    workers = workers_of(options.pop("processes"), options.pop("expect_workers"), options.pop("bind"))
    given = {name: options.pop(name) for name in ("rate_limit", "limit_share", "beyond_limit", "allow_production_load")}
    settings = load_settings({**options, "profile": options.pop("target_profile")})
    load, target = settings.profile.data.get("load", {}), target_of(settings, rules_of(settings, **given))
    old = read_result(against) if against is not None else None
    run_id = secrets.token_hex(6)
    agent = f"gate/{__version__} (run {run_id})"
    folder = settings.out_dir.resolve() / "load" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{load_profile}_{run_id}"
    with _signals(folder):
        plan = plan_load(load, load_profile, target, run_id=run_id, user_agent=agent, workers=workers)
        check(plan, target.rules, {})  # the recalls below leave before the load does
        _tell(plan, workers, folder)
        recalls = _recalls(settings, load_profile, run_id)
        around = Around(recalls.beside if recalls else None, lambda: recalls.times if recalls else None, files)
        with clock(f"load {load_profile}", plan.seconds):
            result = run_load(
                load, load_profile, target, folder, run_id=run_id, user_agent=agent, workers=workers, against=old, around=around
            )
    times = recalls.times if recalls else None
    judgement, comparison = judged(result, load, old, times)
    shown = (folder / "result.json").read_text(encoding="utf-8") if as_json else render(fact_of(result, judgement, times, comparison))
    click.echo(shown, nl=False)
    click.echo(f"Files: {folder}/", err=True)
    return STATUSES[judgement.outcome]


def _recalls(settings: Settings, load_profile: str, run_id: str) -> Recalls | None:
    """What times recalls by the gate itself, the first ones timed already; None where the load profile wants none."""
    own = settings.profile.data["load"]["profiles"][load_profile]
    if not own.get("recall"):
        return None
    from gate.cli.recall_times import Recalls
    from gate.plugin.engine import Engine, Silent
    from gate.redact import Redactor
    from gate.target.policy import load_policy

    engine = Engine(settings, load_policy(settings.policy), run_id, Silent(), Redactor(settings.secrets))
    recalls = Recalls.of(engine, own)
    if recalls is not None:
        recalls.before()
    return recalls


def chart(result: LoadResult, *_: object) -> dict[str, str]:
    """The picture of a run, as a file of its folder."""
    from gate.report.load_chart import svg

    return {"chart.svg": svg(result.series, title=f"Load {result.profile}: latency and requests over time")}


def files(result: LoadResult, judgement: LoadJudgement, comparison: Sequence[LoadCheck]) -> dict[str, str]:
    """What stands in the folder besides: of a run of its own also what CI servers read, which within `gate run` is the whole run's."""
    from gate.report.load_junit import render as junit

    return {**chart(result), "junit.xml": junit(result, judgement, comparison)}


def workers_of(processes: int, expected: int | None, bind: str | None) -> Workers:
    """Who sends. ConfigurationError where the options do not fit together."""
    from gate.load import Workers
    from gate.load.launch import free_port

    if expected is None:
        if bind is not None:
            raise ConfigurationError(
                "--bind was given without --expect-workers", "both, or neither", "Workers on this machine need neither"
            )
        return Workers(processes=processes)
    if processes != 1:
        raise ConfigurationError("--processes and --expect-workers were both given", "one of them", "Start the workers elsewhere, or here")
    host, colon, port = (bind or "127.0.0.1:0").rpartition(":")
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ConfigurationError(f"--bind is '{(bind or '')[:80]}'", "HOST:PORT", "Correct it")
    host = host.strip("[]")
    return Workers(expected=expected, host=host, port=int(port) or free_port(host))


def rules_of(settings: Settings, *, rate_limit: str | None, limit_share: int, beyond_limit: bool, allow_production_load: bool) -> Rules:
    """What is permitted at that target. ConfigurationError for a rate limit that cannot be used."""
    from gate.load import Rules, is_production
    from gate.model import Safety

    return Rules(
        loopback=settings.loopback,
        production=is_production(settings.environment),
        limit=_limit(settings, rate_limit),
        share=limit_share / 100,
        beyond_limit=beyond_limit,
        allow_production=allow_production_load,
        reads_only=settings.level.rank < Safety.DRILL.rank,
    )


def _limit(settings: Settings, given: str | None) -> RateLimit | None:
    """What the target declares; what the command line says only where it declares nothing."""
    from gate.load import RateLimit

    declared = settings.profile.data.get("rate_limit") if settings.rate_limit_enabled else None
    if declared is None and given is None:
        return None
    if declared is None:
        match = re.fullmatch(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})s?", given or "")
        if match is None:
            raise ConfigurationError(f"--rate-limit is '{(given or '')[:40]}'", "REQUESTS/SECONDS, such as 300/60", "Correct it")
        return RateLimit(int(match[1]), float(match[2]))
    if given is not None:
        raise ConfigurationError("--rate-limit was given, but the target profile declares one", "one of them", "Leave the option out")
    exempt = frozenset(declared.get("exempt", ()))
    return RateLimit(settings.rate_limit_requests, settings.rate_limit_window_seconds, declared["scope"], exempt)


def target_of(settings: Settings, rules: Rules) -> Target:
    """Where load is sent, as whom, and what is permitted. ConfigurationError where that would measure something else."""
    from gate.load import Target

    if settings.proxy is not None:
        raise ConfigurationError("GATE_PROXY is set, and load through a proxy measures the proxy", "a direct way", "Unset it for gate load")
    bundle = Path(settings.ca_bundle).resolve() if settings.ca_bundle else None
    if bundle is not None and not bundle.is_file():
        raise ConfigurationError(f"the CA bundle {bundle} does not exist", "a PEM file", "Check --ca-bundle")
    return Target(
        base_url=settings.base_url,
        tokens=settings.tokens,
        rules=rules,
        values={"batch_code": settings.batch_code},
        ca_bundle=str(bundle) if bundle else None,
    )


def read_result(path: Path) -> LoadResult:
    """The result in a bundle, a result folder or a file; a GateError where there is none that can be read."""
    from gate.load import find_result, result_of
    from gate.target.toml import validate

    file = find_result(path)
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read ({type(error).__name__})", "the result.json of a load run") from None
    validate(file, data, "load_result.schema.json")
    return result_of(data)


@contextmanager
def _signals(folder: Path) -> Iterator[None]:
    """A signal ends the generator first, and then this."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise Interrupted(
            f"the load run was stopped by {signal.Signals(number).name}; it has no result",
            "",
            f"What was written until then is in {folder}.partial",
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(plan: Plan, workers: Workers, folder: Path) -> None:
    """What is about to happen, on standard error."""
    from gate.load.launch import worker_command

    if plan.left_out:
        click.echo(f"Left out, because they write: {', '.join(plan.left_out)}", err=True)
    click.echo(f"{plan.scheduled} requests in {plan.seconds:g} s to {plan.data['base_url']}, load profile {plan.profile}", err=True)
    if workers.expected:
        click.echo(f"Waiting for {workers.expected} workers at {workers.host}:{workers.port}. Start each with", err=True)
        click.echo(f"  GATE_LOAD_PLAN={folder}.partial/plan.json, GATE_LOAD_OUT, GATE_LOAD_TOKEN_<IDENTITY>:", err=True)
        click.echo(f"  {' '.join(worker_command(workers.host, workers.port))}", err=True)


def render(fact: dict[str, Any]) -> str:
    """The result for people, 80 columns wide, as it stands in a run's text report.

    Args:
        fact: as `fact_of` makes it.
    """
    from gate.report.clean import line
    from gate.report.load import lines

    _, *rest = lines(fact)
    return "\n".join([f"Load {line(fact['result']['profile'])}: {fact['judgement']['outcome'].upper()}", *rest]) + "\n"
