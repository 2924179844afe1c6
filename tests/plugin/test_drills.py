"""Drills: what is timed alone, the others side by side, what writes one at a time; and none that broke is ever a pass."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from tests.plugin.support import HEAD, Asked, Made, Service, check, fine

FILE = "acceptance/test_x.py"
IMPORT = "from gate.api import drill\n"


def drill(name: str, body: str, arguments: str = "run, t", options: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"@drill({options})\ndef {name}({arguments}):\n{lines}\n\n"


def judged(control_id: str, *drills: str, phase: str = "DRILLS") -> str:
    """A control that looks at what those drills return."""
    body = "\n".join(f"measured([{name}])\nassert {name}.status == 200" for name in drills)
    return check(control_id, body, arguments=", ".join((*drills, "measured")), phase=phase)


def reads(path: str) -> str:
    return f"return run.send(t.get('{path}', 'qa', fresh=True))"


def writes(path: str) -> str:
    return f"return run.send(t.post('{path}', 'qa', safety=Safety.DRILL))"


def overlap(asked: list[Asked]) -> bool:
    ordered = sorted(asked, key=lambda item: item.started)
    return any(one.ended > other.started for number, one in enumerate(ordered) for other in ordered[number + 1 :])


def test_drills_that_need_nothing_of_each_other_run_side_by_side(made: Made) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def answering(asked: Asked) -> tuple[int, Any]:
        if asked.path.startswith("/side"):
            meeting.wait()  # none is answered before three have come
        return fine(asked)

    names = [f"side_{number}" for number in range(3)]
    source = "".join(drill(name, reads(f"/{name}")) + judged(f"X-{name}", name) for name in names)
    made.write(FILE, HEAD + IMPORT + source)
    with Service(answering) as service:
        done = made.run(service.base_url)
    assert done.status == 0, done.err + done.out


def test_what_is_timed_is_alone_and_first(made: Made) -> None:
    def answering(asked: Asked) -> tuple[int, Any]:
        time.sleep(0.1)
        return fine(asked)

    body = "run.send(t.get('/timed', 'qa', fresh=True))\nreturn run.send(t.get('/timed', 'qa', fresh=True))"
    source = drill("other", reads("/other")) + drill("more", reads("/other")) + drill("timed", body, options="alone=True")
    observed = check(
        "X-000", phase="DRILLS", shape="lambda t: [t.get('/declared/1'), t.get('/declared/2')]", body="[o.status for o in observed]"
    )
    made.write(FILE, HEAD + IMPORT + source + observed + judged("X-001", "other", "more") + judged("X-002", "timed"))
    with Service(answering) as service:
        done = made.run(service.base_url)
    assert done.status == 0, done.err + done.out
    timed, others = ([item for item in service.asked if item.path.startswith(name)] for name in ("/timed", "/other"))
    assert len(timed) == len(others) == 2
    assert not any(one.started < item.ended and item.started < one.ended for one in timed for item in service.asked if item is not one)
    assert max(item.ended for item in timed) <= min(item.started for item in others)


def test_what_writes_goes_one_at_a_time(made: Made) -> None:
    """A trail that is not serialised would fork."""

    def answering(asked: Asked) -> tuple[int, Any]:
        time.sleep(0.1)
        return fine(asked)

    names = [f"writer_{number}" for number in range(3)]
    several = "return run.send_each([t.post('/write', 'qa', safety=Safety.DRILL)] * 2)[1]"
    source = "".join(drill(name, writes("/write")) + judged(f"X-{name}", name) for name in names)
    made.write(FILE, HEAD + IMPORT + source + drill("several", several) + judged("X-1", "several"))
    with Service(answering) as service:
        done = made.run(service.base_url)
    assert done.status == 0, done.err + done.out
    written = [item for item in service.asked if item.path == "/write"]
    assert len(written) == 5
    assert not overlap(written)


def test_a_drill_gets_what_it_needs_and_comes_after_what_it_names(made: Made, service: Service) -> None:
    source = (
        drill("second", "assert first.status == 200\n" + reads("/second"), "run, t, first", 'after=("third", "nobody")')
        + drill("first", "import time\ntime.sleep(0.1)\n" + reads("/first"))
        + drill("third", "import time\ntime.sleep(0.2)\nrun.send(t.get('/third', 'qa', fresh=True))\n1 / 0")
        + judged("X-001", "second")
        + judged("X-002", "third")
    )
    made.write(FILE, HEAD + IMPORT + source)
    done = made.run(service.base_url)
    assert (done.outcome("X-001"), done.outcome("X-002")) == ("passed", "error")
    assert [path for path in service.paths() if path in ("/first", "/second", "/third")] == ["/first", "/third", "/second"]


ENDS = {
    "finds a fault": ("require(False, 'HTTP 201', 'HTTP 200', 'bypass')", "failed", "expected HTTP 201; saw HTTP 200"),
    "breaks": ("1 / 0", "error", "the check broke: ZeroDivisionError"),
    "measures nothing": ("raise Inconclusive('no data')", "inconclusive", "no data"),
    "skips": ("pytest.skip('not here')", "not_run", "not here"),
    "leaves": ("raise SystemExit(0)", "error", "SystemExit"),
}


@pytest.mark.parametrize("case", ENDS)
@pytest.mark.parametrize("alone", [True, False])
def test_a_drill_that_broke_breaks_its_controls_and_no_others(case: str, made: Made, service: Service, *, alone: bool) -> None:
    """Also those of the drills that need it; it is carried out once."""
    line, outcome, reason = ENDS[case]
    source = (
        drill("broken", f"run.send(t.get('/broken', 'qa', fresh=True))\n{line}", options=f"alone={alone}")
        + drill("needs", "broken.status\n" + reads("/needs"), "run, t, broken")
        + drill("well", reads("/well"))
        + "".join(judged(f"X-00{number}", "broken") for number in range(2))
        + judged("X-003", "needs")
        + judged("X-004", "well")
    )
    made.write(FILE, HEAD + IMPORT + source)
    done = made.run(service.base_url)
    assert not done.goes
    assert {done.outcome(f"X-00{number}") for number in range(2)} == {outcome}
    assert all(reason in done.reason(f"X-00{number}") for number in range(2))
    assert done.outcome("X-003") == outcome
    assert done.outcome("X-004") == "passed"
    assert (service.paths().count("/broken"), service.paths().count("/needs")) == (1, 0)


UNCARRIED = {
    "waits for itself": drill("odd", reads("/odd"), "run, t, odder") + drill("odder", reads("/odd"), "run, t", 'after=("odd",)'),
    "needs what is no drill": "@pytest.fixture(scope='session')\ndef thing(): return 1\n\n" + drill("odd", reads("/odd"), "run, t, thing"),
    "is alone and needs a later one": drill("odd", reads("/odd"), "run, t, later", "alone=True") + drill("later", reads("/later")),
}


@pytest.mark.parametrize("case", UNCARRIED)
def test_a_drill_that_cannot_be_carried_out_is_no_pass(case: str, made: Made, service: Service) -> None:
    made.write(FILE, HEAD + IMPORT + UNCARRIED[case] + judged("X-001", "odd"))
    done = made.run(service.base_url)
    assert not done.goes
    assert done.outcome("X-001") == "error"
    assert "/odd" not in service.paths()


def test_a_drill_that_nobody_brought_along_is_carried_out_when_it_is_asked_for(made: Made, service: Service) -> None:
    """By a control of another phase, and by one that asks by name; once."""
    late = check("X-003", "measured([request.getfixturevalue('late')])\nassert False", arguments="request, measured", phase="DRILLS")
    source = drill("early", reads("/early"), "run, t, deep") + drill("deep", reads("/deep")) + drill("late", reads("/late") + "\n1 / 0")
    made.write(FILE, HEAD + IMPORT + source + judged("X-001", "early", phase="PROBES") + judged("X-002", "early") + late)
    done = made.run(service.base_url)
    assert [done.outcome(f"X-00{number}") for number in (1, 2, 3)] == ["passed", "passed", "failed"]
    assert [path for path in service.paths() if path in ("/deep", "/early", "/late")] == ["/deep", "/early", "/late"]


def test_who_holds_the_turn_writes_with_send(made: Made, service: Service) -> None:
    """Anything else would wait for itself for ever."""
    body = "with run.writing():\n    {0}\n    return run.send_each([t.post('/write', 'qa', safety=Safety.DRILL)])[0]"
    held = body.format("run.send_each([t.get('/read', 'qa')])\n    run.send(t.post('/first', 'qa', safety=Safety.DRILL))")
    made.write(
        FILE,
        HEAD
        + IMPORT
        + drill("held", held)
        + drill("later", writes("/later"), options='after=("held",)')
        + judged("X-001", "held")
        + judged("X-002", "later"),
    )
    done = made.run(service.base_url)
    assert (done.outcome("X-001"), done.outcome("X-002")) == ("error", "passed")
    assert "the turn" in done.reason("X-001")
    assert [path for path in service.paths() if path in ("/read", "/first", "/write", "/later")] == ["/read", "/first", "/later"]


def test_two_drills_of_one_name_are_refused(made: Made, service: Service) -> None:
    made.write(FILE, HEAD + IMPORT + drill("same", reads("/one")) + judged("X-001", "same"))
    made.write("security/test_x.py", HEAD + IMPORT + drill("same", reads("/two")) + judged("X-002", "same"))
    done = made.run(service.base_url)
    assert "two drills are named same" in done.err
    assert not done.goes
    assert service.asked == []


def test_a_signal_ends_all_drills_and_what_was_sent_is_in_the_ledger(made: Made) -> None:
    came, end = threading.Semaphore(0), threading.Event()

    def answering(asked: Asked) -> tuple[int, Any]:
        if asked.path.startswith("/hangs"):
            came.release()
            end.wait(30)
        return fine(asked)

    source = "".join(
        drill(f"hangs_{number}", reads(f"/hangs/{number}")) + judged(f"X-00{number}", f"hangs_{number}") for number in range(3)
    )
    made.write(FILE, HEAD + IMPORT + source)
    with Service(answering) as service:
        process = made.start(service.base_url)
        assert all(came.acquire(timeout=30) for _ in range(3))
        process.send_signal(signal.SIGINT)
        done = made.ended(process)
        end.set()
    assert done.status == 130
    lines = [item["data"] for item in done.events if item["event"] == "observation" and item["data"]["target"].startswith("/hangs")]
    assert len(lines) == 3
    assert all(line["failure"].startswith("interrupted") for line in lines)
