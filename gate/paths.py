"""Where the folders that ship beside the package are: in a checkout next to `gate/`, in a wheel under `gate/_data/`."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_root() -> Path:
    """The folder that holds suites, perf, fixtures, templates and sql."""
    packed = PACKAGE / "_data"
    return packed if packed.is_dir() else PACKAGE.parent
