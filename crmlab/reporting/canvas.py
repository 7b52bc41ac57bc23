"""One look for all figures: size, colours safe for the colour-blind, and numbers by language."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from crmlab.reporting.language import Language, Quantity

INK, GREY, LINE = "#1c2530", "#56606c", "#d9dee5"
ACCENT, WARN = "#0b5fa5", "#b4460f"

LOOK: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "crmlab",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "hatch.color": GREY,
    "hatch.linewidth": 0.5,
}


def canvas(height: float = 3.4) -> tuple[Figure, Axes]:
    """An empty figure 7.2 inches wide, with one set of axes. Draw inside `look()`."""
    figure = Figure(figsize=(7.2, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def look() -> Any:
    """The context in which figures are drawn and saved."""
    return mpl.rc_context(LOOK)


def svg(figure: Figure) -> str:
    """The figure as SVG text, the same bytes for the same figure."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]  # without the doctype, which names a remote file
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return text.replace("'DejaVu Sans', sans-serif", "system-ui, 'DejaVu Sans', sans-serif")


def written(axis: Any, language: Language, kind: str) -> None:
    """Write an axis' numbers as the language does, with the decimals that its ticks need."""

    plain_and_fine = {
        "share": ("whole_share", "rate"), "money": ("whole_money", "cents"),
        "number": ("count", "number"),
    }  # fmt: skip

    def text(value: float, _: Any) -> str:
        ticks = np.asarray(axis.get_majorticklocs()) * (100 if kind == "share" else 1)
        fine = bool((np.abs(ticks - ticks.round()) > 1e-6).any())
        written_as = plain_and_fine[kind][fine] if kind in plain_and_fine else kind
        return language.write(Quantity(float(value), written_as))

    axis.set_major_formatter(FuncFormatter(text))


def label(axes: Axes, x: float, y: float, text: str, color: str, **place: Any) -> None:
    """A direct label beside what it names."""
    style = {"va": "center", "ha": "left", "xytext": (6, 0), **place}
    axes.annotate(text, (x, y), textcoords="offset points", color=color, **style)
