"""Renderers: one file an output. Each takes a `RunRecord` and returns text; none judges, none reads anything else."""

from gate.report.all import render_all, report_paths
from gate.report.signoff import Release

__all__ = ["Release", "render_all", "report_paths"]
