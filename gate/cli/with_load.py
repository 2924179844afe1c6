"""The load of a run: checked before the run begins, sent within it, kept in its bundle and its journal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate import __version__
from gate.cli.load import chart, rules_of, target_of
from gate.cli.recall_times import Recalls
from gate.decide.load_recall import RecallTimes, judge_recall
from gate.errors import GateError
from gate.load import Around, Workers, check, fact_of, judged, plan_load, run_load
from gate.model import Inconclusive, LoadCheck, LoadJudgement, LoadResult
from gate.plugin.engine import Engine
from gate.redact import Redactor
from gate.target.settings import Settings

FOLDER = "load"  # below a bundle's data/


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it, as suites see it; `times` and `recall` where the load profile has the gate time a recall meanwhile."""

    result: LoadResult
    judgement: LoadJudgement
    times: RecallTimes | None = None
    recall: LoadCheck | None = None


class WithLoad:
    """A load profile, about to be sent within a run.

    Args:
        settings: of the run.
        name: the load profile.
        allow_production: whether it may be sent to production.

    Raises:
        ConfigurationError: it may not be sent, or cannot be planned. Nothing was sent.
    """

    def __init__(self, settings: Settings, name: str, *, allow_production: bool) -> None:
        self._settings, self._name, self._load = settings, name, settings.profile.data["load"]
        self._rules = rules_of(settings, rate_limit=None, limit_share=80, beyond_limit=False, allow_production_load=allow_production)
        self._target = target_of(settings, self._rules)
        plan = plan_load(self._load, name, self._target, run_id="-", user_agent="-", workers=Workers())
        check(plan, self._rules, {})

    def carry_out(self, engine: Engine, data: Path, redactor: Redactor) -> Loaded:
        """Send it; keep the result in the journal and everything else in the bundle's data/load/.

        Raises:
            Inconclusive: it could not be sent now; the run goes on without.
        """
        engine.progress("phase", f"load {self._name}")
        run_id = engine.target.run_id
        recalls = Recalls.of(engine, self._load["profiles"][self._name])
        if recalls:
            recalls.before()
        try:
            result = run_load(
                self._load,
                self._name,
                self._target,
                data / FOLDER,
                run_id=run_id,
                user_agent=f"gate/{__version__} (run {run_id})",
                already=self._already(engine),
                around=Around(recalls.beside if recalls else None, lambda: recalls.times if recalls else None, chart),
            )
        except GateError as error:
            raise Inconclusive(redactor.text(error.sentence)) from None
        times = recalls.times if recalls else None
        judgement, _ = judged(result, self._load, recall=times)
        engine.fact("load", fact_of(result, judgement, times))
        return Loaded(result, judgement, times, judge_recall(times) if times else None)

    def _already(self, engine: Engine) -> dict[str, int]:
        """What the run itself has sent within the limit's last window, by the limit's key."""
        limit = self._rules.limit
        if limit is None:
            return {}
        since = datetime.now(UTC) - timedelta(seconds=limit.window_seconds)
        recent = (seen for seen in engine.observations if datetime.fromisoformat(seen.started_at) >= since)
        keys = (limit.key(seen.probe.identity or "", seen.probe.target) for seen in recent)
        return dict(Counter(key for key in keys if key is not None))
