"""One self-contained page about one training run, or several compared."""

from gym_reason.report.page import build_report
from gym_reason.report.runs import RunRecord, read_run

__all__ = ["RunRecord", "build_report", "read_run"]
