"""Who may import whom: the rows of docs/ARCHITECTURE.md, held against every import statement of `gate/`."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOREIGN = {"suites", "perf", "fixtures", "reference_service", "locust", "gevent", "fastapi", "uvicorn", "starlette", "tests"}
HOMES = {
    "requests": {"probe"},
    "urllib3": {"probe"},
    "psycopg": {"probe"},
    "jinja2": {"report"},
    "weasyprint": {"report"},
    "pytest": {"plugin", "cli"},
    "cryptography": {"evidence"},
    "jsonschema": {"target"},
    "click": {"cli"},
}


def rows() -> dict[str, int]:
    """Each room's row, 1 at the top; the package itself, which holds only the version, lies below all."""
    table = re.findall(r"^\| (\d+) \| (.*?) \|", (ROOT / "docs/ARCHITECTURE.md").read_text(), re.MULTILINE)
    rooms = {room: int(number) for number, names in table for room in re.findall(r"`gate/(\w+)(?:\.py)?`", names)}
    return rooms | {"__main__": 0, "": 99}


def imports(source: str, package: str) -> Iterator[str]:
    """Every module that the source imports, `from gate import model` as gate.model."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from [f"{base}.{alias.name}" for alias in node.names] if base == "gate" else [base]


def faults(path: str, source: str) -> list[str]:
    """What is wrong with the imports of a file, by its path from the root."""
    room, order, found = Path(path).with_suffix("").parts[1].replace("__init__", ""), rows(), []
    if room not in order:
        return [f"{path}: docs/ARCHITECTURE.md gives {room} no row"]
    for module in imports(source, ".".join(Path(path).parts[:-1])):
        top, *rest = module.split(".")
        other = rest[0] if rest and rest[0] in order else ""
        if top in FOREIGN:
            found.append(f"{path} imports {module}: gate knows nothing of it")
        elif room not in HOMES.get(top, {room}):
            found.append(f"{path} imports {module}, whose home is {' or '.join(sorted(HOMES[top]))}")
        elif top == "gate" and other != room and order[other] <= order[room]:
            found.append(f"{path} imports {module}: {other or 'the package'} is not below {room or 'the package'}")
    return found


SOURCES = sorted((ROOT / "gate").rglob("*.py"))


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in SOURCES if "_data" not in path.parts])
def test_a_file_imports_only_from_below(path):
    assert faults(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("gate/decide/verdict.py", "from gate.target.settings import Settings"),
        ("gate/probe/client.py", "from gate.evidence import journal"),
        ("gate/probe/client.py", "from gate import evidence"),
        ("gate/probe/client.py", "def late():\n    import gate.report.text"),
        ("gate/report/text.py", "if TYPE_CHECKING:\n    from gate.watch import store"),
        ("gate/model.py", "from gate.errors import GateError"),
        ("gate/probe/client.py", "from ..evidence import journal"),
        ("gate/cli/load.py", "import locust"),
        ("gate/cli/reference.py", "from reference_service.app import make"),
        ("gate/report/text.py", "import requests.adapters"),
        ("gate/decide/verdict.py", "import jsonschema"),
        ("gate/nowhere/at_all.py", "import json"),
    ],
)
def test_a_planted_violation_is_found(path, source):
    assert len(faults(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("gate/cli/run.py", "from gate import __version__\nfrom gate.report import text\nfrom gate.cli import main\nimport json"),
        ("gate/probe/client.py", "from . import wire\nfrom gate.model import Probe\nimport requests"),
    ],
)
def test_what_is_allowed_is_let_be(path, source):
    assert faults(path, source) == []


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in sorted((ROOT / "suites").rglob("*.py"))])
def test_suites_import_pytest_and_what_gate_offers_them(path):
    known = {*sys.stdlib_module_names, "pytest"}
    others = {module for module in imports((ROOT / path).read_text(), "suites") if module.split(".")[0] not in known}
    assert others <= {"gate.api", "gate.plugin"}
