"""What suites may use of gate: to declare controls, to judge observations, to name the words."""

from gate.decide.oracles import SUCCESS, describe, equal, must_answer, must_keep_out, must_refuse, require, same_answer
from gate.decide.rollback import Sample, evaluate
from gate.fields import ids, pick
from gate.model import Control, FailureKind, Inconclusive, Lacking, Observation, Outcome, Phase, Probe, Result, Safety, TriggerState, Unmet
from gate.plugin.decorators import control, drill, observe
from gate.plugin.engine import Engine
from gate.plugin.requests import Target
from gate.probe.sql import Database
from gate.target.profile import Endpoint

__all__ = [
    "SUCCESS",
    "Control",
    "Database",
    "Endpoint",
    "Engine",
    "FailureKind",
    "Inconclusive",
    "Lacking",
    "Observation",
    "Outcome",
    "Phase",
    "Probe",
    "Result",
    "Safety",
    "Sample",
    "Target",
    "TriggerState",
    "Unmet",
    "control",
    "describe",
    "drill",
    "equal",
    "evaluate",
    "ids",
    "must_answer",
    "must_keep_out",
    "must_refuse",
    "observe",
    "pick",
    "require",
    "same_answer",
]
