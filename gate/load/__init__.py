"""Load, from a plan to a result: what may be sent, Locust as a subprocess, and what came of it. Nothing here judges; gate/decide does."""

from gate.load.beside import Around, Beside
from gate.load.fact import fact_of
from gate.load.files import find_result, result_of
from gate.load.launch import Workers
from gate.load.plan import Plan
from gate.load.running import Target, judged, plan_load, run_load
from gate.load.safety import SHARE, SHARE_AT_MOST, LoadRefused, RateLimit, Rules, check, is_production

__all__ = [
    "SHARE",
    "SHARE_AT_MOST",
    "Around",
    "Beside",
    "LoadRefused",
    "Plan",
    "RateLimit",
    "Rules",
    "Target",
    "Workers",
    "check",
    "fact_of",
    "find_result",
    "is_production",
    "judged",
    "plan_load",
    "result_of",
    "run_load",
]
