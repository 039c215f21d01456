"""One self-contained page about a run or an evaluation, or several compared.

The curves are SVG that this package draws itself, and that stays so for a measured reason. A run of
150 steps has 13 charts: 178 kB, drawn in 30 ms. plotly.js alone weighs 4.8 MB, bokeh.js 1.3 MB,
Vega with Vega-Lite 0.8 MB. uPlot has 51 kB, but draws on a canvas, which shows nothing without
scripts, to a screen reader or in a copy of the markup. matplotlib's SVG takes 34 kB a chart and a
second of import and drawing at the end of each run, in one set of colours for light and dark, with
no values to point at.
"""

from gym_reason.report.page import build_report
from gym_reason.report.runs import RunRecord, read_run

__all__ = ["RunRecord", "build_report", "read_run"]
