"""One run of the gate: pytest on the shipped suites, journalled, decided, rendered, published."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import click

from gate import __version__
from gate.cli.about import About, terms
from gate.cli.github import announce, for_log
from gate.cli.progress import Progress
from gate.decide.verdict import Policy, decide
from gate.errors import EvidenceError, GateError, Interrupted
from gate.evidence import Bundle, Journal, replay
from gate.evidence.files import replace_file
from gate.evidence.selftest import latest_selftest
from gate.evidence.statement import papers, previous_bundle
from gate.model import Basis, Control, Criterion, Decision, Outcome, Phase, Result, RunRecord, Safety, Severity, Verdict
from gate.paths import data_root
from gate.plugin.cases import Case, source_digests
from gate.plugin.engine import Engine
from gate.plugin.launch import BROKEN, INTERRUPTED, Launch
from gate.plugin.session import Session
from gate.redact import Redactor
from gate.report import render_all
from gate.report.clean import line
from gate.report.index import INDEX, collect, render_index
from gate.target.settings import Settings

RAW_REPORT = "suites.html"
RAW_PLUGINS = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin")


class Run:
    """One run. The journal is written as it goes; everything else is rendered from it at the end."""

    def __init__(self, settings: Settings, policy: Policy, redactor: Redactor, bundle: Bundle, about: About) -> None:
        self.settings, self.policy, self.redactor, self.bundle, self.about = settings, policy, redactor, bundle, about
        self.journal = Journal(bundle.journal, redactor)
        self.progress = Progress(redactor)
        self.engine = Engine(settings, policy, about.run_id, self.journal, redactor, self._told)
        self.session = Session(self.engine, strict=True)
        self.session.on_plan = self._plan
        self.controls: list[Control] = []
        self.stopped_by: str | None = None

    def carry_out(self) -> Verdict:
        """Do all of it; the verdict.

        Raises:
            Interrupted: a signal came.
            GateError: evidence could not be written, or pytest did not come as far as a plan.
        """
        try:
            with self._signals():
                self._start()
                self._run_pytest()
                decision = self._decide()
        except KeyboardInterrupt:
            self._interrupted()
        finally:
            self.progress.close()
        self.journal.close()
        return self._report(decision)

    def _start(self) -> None:
        settings, about = self.settings, self.about
        self.journal.append(
            "run.started",
            {
                "run_id": about.run_id,
                "bundle": self.bundle.ts,
                "out_dir": str(settings.out_dir),
                "gate_version": __version__,
                "operator": about.operator,
                "environment": settings.environment,
                "base_url": settings.base_url,
                "profile": settings.profile.name,
                "policy": self.policy.name,
                "batch_code": settings.batch_code,
                "release_sha": about.release_sha,
                "release_tag": about.release_tag,
                "artifact": about.artifact,
                "commit_author": about.commit_author,
            },
        )
        self.engine.waivers, self.engine.day = about.waivers, self.journal.day

    def _plan(self, cases: Sequence[Case], unseen: dict[str, str]) -> None:
        """Journal what has to run, before the first request."""
        self.controls = [case.control for case in cases] + [_unseen(key, source) for key, source in unseen.items()]
        self.engine.planned = self.controls
        self.progress.total = len(self.controls)
        sources = source_digests(data_root())
        self.journal.append(
            "plan",
            {
                "controls": [asdict(control) for control in self.controls],
                "not_applicable": {case.control.id: case.reason for case in cases if case.reason is not None},
                "terms": asdict(terms(self.settings, self.policy, sources, self.about.waivers)),
            },
        )
        self.engine.fact("selftest", latest_selftest(self.settings.out_dir.parent, sources))

    def _told(self, kind: str, text: str) -> None:
        """Show it; and while the first requests are on their way, load what a later phase needs and what takes long to load."""
        self.progress(kind, text)
        if (kind, text) == ("phase", Phase.PROBES.name.lower()):
            self.engine.fact("target.start", self.engine.client.identity)
        if (kind, text) == ("phase", Phase.PROBES.name.lower()) and self.settings.database_url is not None:
            Thread(target=import_module, args=("psycopg",), daemon=True).start()

    def _run_pytest(self) -> None:
        launch = Launch(self.session)
        status = launch.start(*RAW_PLUGINS, f"--html={self.bundle.data / RAW_REPORT}", "--self-contained-html")
        if self.session.fatal is not None:
            raise self.session.fatal
        if self.stopped_by is not None:
            raise KeyboardInterrupt
        if not self.controls or status in BROKEN or (status == INTERRUPTED and not self.engine.results):
            raise launch.broken()

    def _decide(self) -> Decision:
        for control in self.controls:
            if control.id not in self.engine.results:
                result = Result(control.id, Outcome.NOT_RUN, "it is in the plan, but its test did not run")
                self.engine.results[control.id] = result
                self.journal.append("outcome", asdict(result))
        self.engine.fact("target.end", self.engine.client.identity)
        self.journal.append("triggers", {"triggers": [asdict(trigger) for trigger in self.engine.triggers()]})
        excused = self.settings.profile.not_applicable_criteria
        decision = decide(self.controls, self.engine.results, self.policy, excused, self.about.waivers, self.engine.day)
        self.journal.append("verdict", asdict(decision) | {"exit_status": decision.verdict.exit_status})
        return decision

    def _report(self, decision: Decision) -> Verdict:
        record = replay(self.bundle.journal)
        if record.decision != decision:
            raise EvidenceError("the journal read back differs from what was decided", "the same", "Report this as a defect of the gate")
        self._clean_raw_report()
        files = render_all(record)
        folder = self.bundle.publish(files, attest=lambda digest: self._papers(record, digest))
        if self.engine.stop_reason is not None:
            # It quotes the target, whose words may hold commands for a terminal.
            told = line(self.redactor.text(f"gate: the run was stopped by {self.engine.stop_reason}"), 800)
            click.echo(for_log(told), err=True)
        announce(record)
        # A page that lists all runs; whether it can be written changes nothing about this one.
        with contextlib.suppress(GateError, OSError, ValueError):
            replace_file(self.bundle.out_dir / INDEX, render_index(collect(self.bundle.out_dir)).encode())
        click.echo(f"Evidence: {folder}{'' if self.about.key else ' (UNSIGNED: no --key was given)'}", err=True)
        click.echo(for_log(files[f"release_gate_{self.bundle.ts}.txt"]), nl=False)
        return decision.verdict

    def _papers(self, record: RunRecord, tag_manifest: str) -> dict[str, bytes]:
        return papers(record, tag_manifest, previous_bundle(self.bundle.out_dir, self.bundle.ts), self.about.key)

    def _clean_raw_report(self) -> None:
        """pytest-html's own page holds redacted texts only; this makes sure, once more, before it is published."""
        path = self.bundle.data / RAW_REPORT
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            clean = self.redactor.text(text)
            if clean != text:
                path.write_text(clean, encoding="utf-8")
            path.chmod(0o600)

    def _interrupted(self) -> None:
        reason = self.stopped_by or "a signal"
        with contextlib.suppress(EvidenceError):
            self.journal.append("run.interrupted", {"reason": f"stopped by {reason}"})
            self.journal.close()
            announce(replay(self.bundle.journal))
        (self.bundle.data / RAW_REPORT).unlink(missing_ok=True)
        raise Interrupted(f"the run was stopped by {reason}; it has no verdict", "", "Run it again")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop the requests at once and end the run in order."""

        def stop(number: int, _frame: Any) -> None:
            self.stopped_by = signal.Signals(number).name
            self.engine.client.cancel()
            raise KeyboardInterrupt

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _unseen(key: str, source: str) -> Control:
    """A control that the sources declare and pytest did not collect: nothing but its name is known, so the worst is assumed."""
    suite = Path(source).parts[1]
    title = f"declared in {source}, but pytest did not collect it"
    return Control(key, title, Severity.CRITICAL, Basis.CONTRACT, Criterion.GATE, Phase.PROBES, Safety.READ, suite, source)
