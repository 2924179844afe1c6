"""Suites that are broken, or cheat: whatever happens to a check, it is no pass. Each is run by the real command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gate.model import Outcome
from tests.plugin.support import HEAD, Ended, Made, Service, check

FILE = "acceptance/test_x.py"
REFUTED = "assert observed.status == 500"


def test_the_suites_themselves_are_fine(made: Made, service: Service) -> None:
    """The positive control of everything below: with a control more that holds, the same suites say GO."""
    made.write(FILE, HEAD + check("X-001"))
    done = made.run(service.base_url)
    assert done.status == 0, done.err
    assert done.goes
    assert {key: item["outcome"] for key, item in done.results.items()} == dict.fromkeys(
        ("PRE-001", "SEC-001", "ACC-001", "X-001"), "passed"
    )
    assert set(done.triggers.values()) == {"clear"}


# What stands in the suite file (or in others, by name); the outcome of X-001; words of its reason.
CHECKS: dict[str, tuple[str, Outcome, str]] = {
    "it fails": (check("X-001", REFUTED), Outcome.FAILED, "assert 200 == 500"),
    "it crashes": (check("X-001", "1 / 0"), Outcome.ERROR, "the check broke: ZeroDivisionError"),
    "it has no expectation that ran": (check("X-001", "for seen in []:\n    assert seen"), Outcome.INCONCLUSIVE, "without looking at"),
    "it takes no fixture": (check("X-001", "pass", arguments=""), Outcome.INCONCLUSIVE, "without having measured anything"),
    "it observes an empty list": (
        check("X-001", "for seen in observed:\n    assert seen.status == 200", shape="lambda t: []"),
        Outcome.INCONCLUSIVE,
        "without having measured anything",
    ),
    "it measures zero": (check("X-001", "measured(0)", arguments="measured"), Outcome.INCONCLUSIVE, "without having measured anything"),
    "it looks at one of two": (
        check("X-001", "assert observed[0].status == 200", shape="lambda t: [t.get('/a'), t.get('/b')]"),
        Outcome.INCONCLUSIVE,
        "without looking at GET /b",
    ),
    "it skips": (check("X-001", "pytest.skip('not today')"), Outcome.NOT_RUN, "not today"),
    "it is marked skip": (check("X-001", above="@pytest.mark.skip(reason='later')"), Outcome.NOT_RUN, "later"),
    "it is marked skipif": (check("X-001", above="@pytest.mark.skipif(True, reason='never')"), Outcome.NOT_RUN, "never"),
    "it is marked xfail and fails": (check("X-001", REFUTED, above="@pytest.mark.xfail"), Outcome.ERROR, "xfail"),
    "it is marked xfail and passes": (check("X-001", above="@pytest.mark.xfail"), Outcome.ERROR, "xfail"),
    "it is marked strict xfail and fails": (check("X-001", REFUTED, above="@pytest.mark.xfail(strict=True)"), Outcome.ERROR, "xfail"),
    "it is marked strict xfail and passes": (check("X-001", above="@pytest.mark.xfail(strict=True)"), Outcome.ERROR, "xfail"),
    "it is marked xfail and not run": (check("X-001", above="@pytest.mark.xfail(run=False)"), Outcome.ERROR, "xfail"),
    "it calls pytest.xfail": (check("X-001", "pytest.xfail('known')"), Outcome.ERROR, "xfail"),
    "it ends the interpreter": (check("X-001", "sys.exit(0)"), Outcome.ERROR, "SystemExit"),
    "it ends pytest": (check("X-001", "pytest.exit('enough', returncode=0)"), Outcome.NOT_RUN, "did not run"),
    "it interrupts": (check("X-001", "raise KeyboardInterrupt"), Outcome.NOT_RUN, "did not run"),
    "its probes cannot be built": (check("X-001", shape="lambda t: 1 / 0"), Outcome.ERROR, "ZeroDivisionError"),
    "a probe of it cannot be written": (check("X-001", shape="lambda t: t.get('/a\\r\\nb')"), Outcome.ERROR, "must not hold CR"),
    "it wants a fixture that does not exist": (check("X-001", "pass", arguments="nothing_like_it"), Outcome.ERROR, "nothing_like_it"),
    "it is a coroutine": (check("X-001").replace("\ndef ", "\nasync def "), Outcome.FAILED, "async def"),
    "another request of it is not looked at, though another control did": (
        check("X-000", "assert send(t.get('/s')).status == 200", arguments="send, t")
        + check("X-001", "send(t.get('/s'))", arguments="send, t"),
        Outcome.INCONCLUSIVE,
        "without looking at",
    ),
}


@pytest.mark.parametrize("case", CHECKS)
def test_a_check_that_is_no_pass(case: str, made: Made, service: Service) -> None:
    source, outcome, reason = CHECKS[case]
    made.write(FILE, HEAD + source)
    done = made.run(service.base_url)
    assert done.outcome("X-001") == outcome, done.reason("X-001")
    assert reason in done.reason("X-001")
    assert done.status == (10 if outcome is Outcome.FAILED else 11)
    assert not done.goes
    assert "Go-live acceptance: PASS" not in done.everything


@pytest.mark.parametrize("case", ["it crashes", "its probes cannot be built", "a probe of it cannot be written"])
def test_a_broken_check_breaks_no_other(case: str, made: Made, service: Service) -> None:
    made.write(FILE, HEAD + CHECKS[case][0])
    done = made.run(service.base_url)
    assert {done.outcome(key) for key in ("PRE-001", "SEC-001", "ACC-001")} == {"passed"}


AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        runtestprotocol(item, nextitem=nextitem)
    return True
"""
WRAPPER = "import pytest\n@pytest.hookimpl(wrapper=True)\n"
HOOKS: dict[str, tuple[str, Outcome]] = {
    "deselects it": (
        "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'X-001' not in i.name]\n",
        Outcome.NOT_RUN,
    ),
    "deselects it first of all": (
        WRAPPER.replace("True", "True, tryfirst=True")
        + "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'X-001' not in i.name]\n    return (yield)\n",
        Outcome.NOT_RUN,
    ),
    "empties the session": ("def pytest_collection_modifyitems(items):\n    items.clear()\n", Outcome.NOT_RUN),
    "ignores its file": ("collect_ignore = ['test_x.py']\n", Outcome.NOT_RUN),
    "ignores all files": ("collect_ignore_glob = ['*']\n", Outcome.NOT_RUN),
    "collects no file": ("def pytest_ignore_collect(collection_path):\n    return True\n", Outcome.NOT_RUN),
    "runs it without calling it": (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call():\n    return True\n",
        Outcome.INCONCLUSIVE,
    ),
    "says that it ran": (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol():\n    return True\n",
        Outcome.NOT_RUN,
    ),
    "runs nothing": ("def pytest_runtestloop():\n    return True\n", Outcome.NOT_RUN),
    "calls every failure a pass": (
        WRAPPER
        + "def pytest_runtest_makereport():\n    report = yield\n    report.outcome, report.longrepr = 'passed', None\n    return report\n",
        Outcome.FAILED,
    ),
    "makes every failure disappear": (
        WRAPPER + "def pytest_runtest_makereport(call):\n    call.excinfo = None\n    return (yield)\n",
        Outcome.FAILED,
    ),
    "runs it until it passes": (
        AGAIN,
        Outcome.FAILED,
    ),
}


@pytest.mark.parametrize("case", HOOKS)
def test_a_conftest_that_cheats(case: str, made: Made, service: Service) -> None:
    """The control fails the first time that it is called; a conftest of its suite wants nobody to know."""
    text, outcome = HOOKS[case]
    made.write("acceptance/conftest.py", text)
    made.write(FILE, HEAD + "tries = []\n" + check("X-001", "tries.append(1)\nassert observed.status == (500 if len(tries) == 1 else 200)"))
    done = made.run(service.base_url)
    assert done.outcome("X-001") == outcome
    assert done.status == (10 if outcome is Outcome.FAILED else 11)
    assert not done.goes
    assert done.triggers["gate-failure"] == ("fired" if outcome is Outcome.FAILED else "unknown")


@pytest.mark.parametrize("trigger", ["auth-bypass", "gate-failure"])
def test_a_deselected_control_leaves_its_trigger_unknown(trigger: str, made: Made, service: Service) -> None:
    """Not clear because the others passed."""
    made.write("acceptance/conftest.py", HOOKS["deselects it"][0])
    made.write(FILE, HEAD + check("X-001", REFUTED, criterion="auth"))
    assert made.run(service.base_url).triggers[trigger] == "unknown"


def test_a_skipped_file_is_not_run(made: Made, service: Service) -> None:
    made.write(FILE, HEAD + "pytest.skip('no', allow_module_level=True)\n" + check("X-001"))
    done = made.run(service.base_url)
    assert (done.status, done.outcome("X-001")) == (11, "not_run")
    assert not done.goes


# What stands in which file; words that the one sentence has.
UNUSABLE: dict[str, tuple[str, str, list[str]]] = {
    "a syntax error": (FILE, HEAD + check("X-001") + "def (:\n", ["test_x.py", "SyntaxError"]),
    "an import of what is not there": (FILE, "import nothing_there\n" + HEAD + check("X-001"), ["test_x.py", "nothing_there"]),
    "an exception at import": (FILE, HEAD + check("X-001") + "1 / 0\n", ["test_x.py", "ZeroDivisionError"]),
    "a declaration with a misspelt word": (FILE, HEAD + check("X-001", severity="hgih"), ["test_x.py", "hgih"]),
    "a file that is empty": (FILE, "", ["test_x.py", "declares no control"]),
    "an id declared twice": (FILE, HEAD + check("ACC-001"), ["ACC-001 is declared twice"]),
    "an id that is no literal": (FILE, HEAD + check("X-001").replace('"X-001"', '"X" + "-001"'), ["test_x.py", "no literal"]),
    "one declaration for two tests": (
        FILE,
        HEAD
        + check("X-001", REFUTED).replace("@control", "it = control", 1).replace("@observe", "@it\n@observe", 1)
        + "@it\n@observe(lambda t: t.get('/b'))\ndef test_b(observed):\n    assert observed.status == 200\n",
        ["X-001", "test_x_001", "test_b"],
    ),
    "a test that is no control": (
        FILE,
        HEAD + check("X-001") + "def test_it():\n    pass\n",
        ["test_x.py::test_it", "no control", "@control"],
    ),
    "a conftest that does not load": ("acceptance/conftest.py", "1 / 0\n", ["suites/acceptance", "ZeroDivisionError"]),
    "a conftest that leaves": ("acceptance/conftest.py", "import sys\nsys.exit(0)\n", ["SystemExit"]),
    "a conftest that leaves pytest": ("acceptance/conftest.py", "import pytest\npytest.exit('x', returncode=0)\n", ["suites"]),
    "a suite file that leaves": (FILE, HEAD + check("X-001") + "sys.exit(0)\n", ["SystemExit"]),
    "a hook that leaves at the end": ("acceptance/conftest.py", "import sys\ndef pytest_sessionfinish():\n    sys.exit(0)\n", ["suites"]),
    "a hook that leaves at the very end": (
        "acceptance/conftest.py",
        "import sys\ndef pytest_unconfigure():\n    sys.exit(0)\n",
        ["suites"],
    ),
    "a hook that breaks": ("acceptance/conftest.py", "def pytest_runtest_logreport():\n    1 / 0\n", ["ZeroDivisionError"]),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_suites_that_cannot_be_used(case: str, made: Made, service: Service) -> None:
    """The gate itself broke, or its suites are no configuration to run with: one sentence that says where, no verdict, no pass."""
    name, text, words = UNUSABLE[case]
    made.write(name, text)
    done = made.run(service.base_url)
    assert done.status in (1, 2), done.out
    assert done.is_one_sentence(), done.err
    assert done.out == ""
    sentence = done.err.rstrip().splitlines()[-1]
    assert [word for word in words if word not in sentence] == []
    assert not [item for item in done.events if item["event"] == "verdict"]
    if "hook" not in case:
        assert service.asked == []


def test_no_suites_at_all(made: Made, service: Service) -> None:
    """Nothing collected is no pass."""
    for path in (made.root / "suites").rglob("test_*.py"):
        path.unlink()
    done = made.run(service.base_url)
    assert done.status in (1, 2)
    assert done.is_one_sentence()


@pytest.mark.parametrize("status", [0, 3])
def test_a_check_that_ends_the_process(status: int, made: Made, service: Service) -> None:
    """A status that no verdict stands behind never leaves the command, least of all 0."""
    made.write(FILE, HEAD + check("X-001", f"os._exit({status})"))
    done = made.run(service.base_url)
    assert done.status == 11
    assert done.outcome("X-001") == "error"
    assert ": PASS" not in done.out.splitlines()[-1]


def by_addopts(_made: Made) -> dict[str, str]:
    return {"PYTEST_ADDOPTS": "--collect-only -k nothing -p no:terminal"}


def by_plugin(made: Made) -> dict[str, str]:
    text = HOOKS["makes every failure disappear"][0] + "open('was-here', 'w').close()\n"
    (made.root / "cheat.py").write_text(text, encoding="utf-8")
    return {"PYTEST_PLUGINS": "cheat"}


def by_files_around(made: Made) -> dict[str, str]:
    (made.root / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n", encoding="utf-8")
    (made.root / "conftest.py").write_text("open('was-here', 'w').close()\n" + HOOKS["empties the session"][0], encoding="utf-8")
    return {}


def by_optimising(_made: Made) -> dict[str, str]:
    return {"PYTHONOPTIMIZE": "2"}


@pytest.mark.parametrize("way", [by_addopts, by_plugin, by_files_around, by_optimising])
def test_what_surrounds_a_run_cannot_change_it(way: Callable[[Made], dict[str, str]], made: Made, service: Service) -> None:
    made.write(FILE, HEAD + check("X-001", REFUTED))
    done: Ended = made.run(service.base_url, **way(made))
    assert done.status == 10, done.err
    assert {key: item["outcome"] for key, item in done.results.items()} == {
        "PRE-001": "passed",
        "SEC-001": "passed",
        "ACC-001": "passed",
        "X-001": "failed",
    }
    assert not (made.root / "was-here").exists()
