"""`gate selftest`: proves that the gate goes red, by running it once per known fault in front of a healthy service.

The faults are no part of the gate: this command checks its options and becomes the self-test's own process.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from gate.errors import ConfigurationError
from gate.paths import data_root

HELP = """Run the gate once per known fault, and see that it goes red.

Each fault is put between the gate and a healthy service: one that this command starts, or, with --base-url, yours (then one run at a
time, with tokens from the environment or --env-file). Without --only or --all it tries the core: at least one fault for every control
and for every class of faults. Prints which control caught which fault, what survived, and false alarms on harmless variations; files
the result where `gate run` finds it.

Exit status: 0 all faults killed and no false alarm, 10 otherwise, 1 the self-test broke, 2 usage."""


@click.command(help=HELP)
@click.option("--base-url", metavar="URL", help="A healthy service to stand before, instead of the reference service.")
@click.option("--env-file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Its tokens and settings.")
@click.option("--only", metavar="GLOB", multiple=True, help="Only faults with such a name; may be given again.")
@click.option("--all", "everything", is_flag=True, help="Every known fault, about twice as many.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 16), default=2, show_default=True, help="Runs at a time.")
@click.option("--json", "json_file", metavar="F", type=click.Path(path_type=Path, dir_okay=False), help="Write the whole matrix to F.")
@click.option(
    "--out-dir", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/selftest"), show_default=True
)
@click.option("--list", "listing", is_flag=True, help="List the faults and the controls meant for them; run nothing.")
def command(
    base_url: str | None,
    env_file: Path | None,
    only: tuple[str, ...],
    jobs: int,
    json_file: Path | None,
    out_dir: Path,
    *,
    everything: bool,
    listing: bool,
) -> None:
    """Check, then become the self-test."""
    if base_url is None and env_file is None and not listing and importlib.util.find_spec("fastapi") is None:
        raise ConfigurationError(
            "the reference service is not installed",
            "it, or a service of yours",
            "Run: pip install 'cutover-gate[reference]', or give --base-url",
        )
    fixtures = data_root() / "fixtures"
    arguments = ["--jobs", str(jobs), "--out-dir", str(out_dir), *(part for pattern in only for part in ("--only", pattern))]
    arguments += ["--base-url", base_url] if base_url else []
    arguments += ["--env-file", str(env_file)] if env_file else []
    arguments += ["--json", str(json_file)] if json_file else []
    arguments += ["--all"] if everything else []
    arguments += ["--list"] if listing else []
    path = os.pathsep.join([str(fixtures), *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "selftest", *arguments], {**os.environ, "PYTHONPATH": path})  # noqa: S606 - no shell
