"""House rules that no linter knows: sizes, reasons, and nothing of anybody's machine."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = ("suites", "perf", "fixtures", "templates", "sql")
FOLDERS = ("gate", *DATA, "tests", "docs", "scripts", ".ci", ".github")
MACHINE = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work)/|pypi[.]org|pythonhosted[.]org|--(?:extra-)?index-url|--find-links")
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
UNREASONED = re.compile(r"# no[q]a(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w)")


def files() -> Iterator[Path]:
    """Every file that we wrote."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix != ".env")
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__", "_data"} & set(path.parts):
                yield path


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


FILES = sorted(files())
PYTHON = [path for path in FILES if path.suffix == ".py"]
TEXTS = [path for path in FILES if path.suffix not in {".gz", ".pdf", ".png", ".zip"}]
SCRIPTS = [path for path in TEXTS if path.read_bytes()[:2] == b"#!" and b"sh\n" in path.read_bytes()[:30]]


def matches(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """`file:line: text` of everything the pattern finds."""
    return [
        f"{name(path)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_is_over_400_lines():
    sizes = {name(path): len(path.read_text().splitlines()) for path in [*PYTHON, *SCRIPTS]}
    assert {path: size for path, size in sizes.items() if size > 400} == {}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_function_is_over_40_lines():
    long = [
        f"{name(path)}: {node.name} has {size} lines"
        for path in PYTHON
        for node in functions(ast.parse(path.read_text()))
        if (size := (node.end_lineno or 0) - node.lineno + 1) > 40
    ]
    assert long == []


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does nothing about it."""
    everything = handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"})
    silent = all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)) for line in handler.body
    )
    return everything and silent


def test_no_exception_is_swallowed_whole():
    swallowed = [
        f"{name(path)}:{node.lineno}"
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and swallows(node)
    ]
    assert swallowed == []


@pytest.mark.parametrize("caught", ["", " Exception", " BaseException"])
@pytest.mark.parametrize("done", ["pass", "..."])
def test_a_planted_swallowing_is_seen(caught, done):
    (handler,) = [node for node in ast.walk(ast.parse(f"try: f()\nexcept{caught}: {done}")) if isinstance(node, ast.ExceptHandler)]
    assert swallows(handler)


def test_data_folders_are_no_packages():
    packages = [name(path) for path in FILES if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] in DATA]
    own = ("fixtures/reference_service/", "fixtures/faults/", "fixtures/selftest/")  # programs, run with fixtures/ on PYTHONPATH
    assert [path for path in packages if not path.startswith(own)] == []


def test_nothing_is_left_unfinished():
    assert matches(UNFINISHED, TEXTS) == []


def test_nothing_names_a_machine_or_a_package_index():
    assert matches(MACHINE, [path for path in TEXTS if path != Path(__file__)]) == []


@pytest.mark.parametrize("line", ["see /root/x", "'/home/someone/x'", "=/work/x", "--index-url=x", "https://pypi" + ".org/simple"])
def test_a_planted_machine_path_is_seen(line):
    assert MACHINE.search(line)


def test_every_lint_exception_has_its_reason():
    assert matches(UNREASONED, PYTHON) == []
    lists = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff.lint]")[2].partition("[tool.mypy]")[0]
    assert [line for line in lists.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line) and "#" not in line] == []


@pytest.mark.parametrize("path", [name(path) for path in SCRIPTS])
def test_a_shell_script_parses_and_may_be_run(path):
    shell = (ROOT / path).read_text().splitlines()[0].rsplit("/", 1)[1].split()[-1]
    done = subprocess.run([shell, "-n", path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (ROOT / path).stat().st_mode & 0o111 == 0o111


def test_the_scripts_were_found():
    assert {"run", ".ci/run", "scripts/run_staging_release_gate.sh"} <= {name(path) for path in SCRIPTS}
