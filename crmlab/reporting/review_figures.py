"""The figures of the strategy review: a table in, SVG text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab.reporting.canvas import ACCENT, GREY, INK, LINE, WARN, canvas, label, look, svg, written
from crmlab.reporting.language import Language, Quantity, count, signed
from crmlab.reporting.privacy import FEW

LENS = 1.12  # inches: five of them and their sentences fill a page


def waterfall(names: Sequence[str], amounts: Sequence[float], language: Language) -> str:
    """From the first amount to the last by the steps between; falls in the warning colour."""
    with look():
        figure, axes = canvas(0.4 + 0.25 * len(names))
        y = np.arange(len(names))[::-1]
        steps = np.asarray(amounts[1:-1], dtype=float)
        ends = amounts[0] + np.cumsum(steps)
        starts = np.concatenate(([amounts[0]], ends[:-1]))
        axes.barh([y[0], y[-1]], [amounts[0], amounts[-1]], height=0.62, color=INK)
        colors = [ACCENT if step >= 0 else WARN for step in steps]
        axes.barh(y[1:-1], steps, left=starts, height=0.62, color=colors)
        left, right = min(0.0, ends.min(initial=0.0)), max(amounts[0], amounts[-1], *ends, *starts)
        for i, place in enumerate((amounts[0], *np.maximum(starts, ends), amounts[-1])):
            text = _signed(amounts[i], language) if 0 < i < len(names) - 1 else None
            label(axes, float(place), float(y[i]), text or _money(amounts[i], language), INK,
                  fontsize=9.5)  # fmt: skip
        axes.vlines(starts, y[1:-1] + 0.31, y[1:-1] + 0.69, color=GREY, lw=0.8)
        axes.set_yticks(y, names)
        axes.set_xlim(left, left + (right - left) * 1.22 or 1)
        _bare(axes)
        return svg(figure)


def swings(table: pd.DataFrame, language: Language) -> str:
    """Levers (`name`) with the difference that less (`low`) and more (`high`) of each makes."""
    with look():
        figure, axes = canvas(0.4 + 0.27 * len(table))
        y = np.arange(len(table))[::-1]
        both = table[["low", "high"]].to_numpy()
        widest = float(np.nanmax(np.abs(both))) or 1.0
        for column, color in (("low", GREY), ("high", ACCENT)):
            axes.barh(y, table[column].fillna(0.0), height=0.6, color=color)
        for i, row in zip(y, both, strict=True):
            for value in row[np.isfinite(row)]:
                side = "right" if value < 0 else "left"
                label(axes, float(value), float(i), _signed(value, language), INK, fontsize=9,
                      ha=side, xytext=(-5 if value < 0 else 5, 0))  # fmt: skip
        axes.axvline(0, color=INK, lw=1)
        axes.set_yticks(y, table["name"].tolist())
        axes.set_xlim(-1.8 * widest, 1.8 * widest)
        _bare(axes)
        return svg(figure)


def tenths(shares: pd.Series, language: Language) -> str:
    """Share of spend by tenth of customers, the first in the accent."""
    with look():
        figure, axes = canvas(LENS)
        x = np.arange(len(shares))
        axes.bar(x, shares, width=0.72, color=[ACCENT] + [LINE] * (len(x) - 1))
        for i, value in enumerate(shares):
            text = language.write(Quantity(float(value), "share"))
            axes.annotate(text, (i, value), xytext=(0, 2), textcoords="offset points", ha="center",
                          fontsize=8.5)  # fmt: skip
        axes.set_xticks(x, [str(v) for v in shares.index], fontsize=9)
        axes.set_ylim(0, float(shares.max()) * 1.2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
        axes.set_xlabel(language.text("figure.spend_tenth"), fontsize=9)
        return svg(figure)


def gains_and_losses(names: Sequence[str], amounts: Sequence[float], language: Language) -> str:
    """Bars to the right for gains and to the left, in the warning colour, for losses.

    A missing amount is one that is not shown: words say so in place of a bar.
    """
    with look():
        figure, axes = canvas(0.25 + 0.22 * len(names))
        y = np.arange(len(names))[::-1]
        drawn = np.nan_to_num(np.asarray(amounts, dtype=float))
        axes.barh(y, drawn, height=0.66, color=[ACCENT if v >= 0 else WARN for v in drawn])
        widest = float(np.max(np.abs(drawn), initial=0.0)) or 1.0
        for i, value in zip(y, amounts, strict=True):
            known = bool(np.isfinite(value))
            text = (
                _signed(value, language) if known else language.text("figure.few", few=count(FEW))
            )
            label(axes, float(value) if known else 0.0, float(i), text, INK, fontsize=8.5,
                  ha="right" if value < 0 else "left",
                  xytext=(-4 if value < 0 else 4, 0))  # fmt: skip
        axes.axvline(0, color=INK, lw=1)
        axes.set_yticks(y, names, fontsize=9)
        axes.set_xlim(-1.4 * widest, 1.4 * widest)
        _bare(axes)
        return svg(figure)


def one_life(ages: pd.Series, values: pd.Series, language: Language) -> str:
    """One cohort's spend a customer by month of life."""
    with look():
        figure, axes = canvas(LENS)
        axes.bar(ages, values, width=0.7, color=[ACCENT] + [LINE] * (len(values) - 1))
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(language.text("figure.age_month"), fontsize=9)
        _small(axes)
        written(axes.xaxis, language, "count")
        written(axes.yaxis, language, "money")
        return svg(figure)


def cohort_lines(lines: Sequence[tuple[str, pd.Series]], language: Language, ylabel: str) -> str:
    """Cumulative spend at the end of each month of life, one line a cohort (its index: months
    before it); the first and the last in colour and named."""
    with look():
        figure, axes = canvas(LENS + 0.2)
        for name, line in lines[1:-1]:
            axes.plot(line.index + 1, line, color=LINE, lw=1.2, label=f"_{name}")
        ends = [(lines[0], INK)] + ([(lines[-1], ACCENT)] if len(lines) > 1 else [])
        for (name, line), color in ends:
            axes.plot(line.index + 1, line, color=color, lw=1.9, label=name,
                      ls="-" if color == INK else (0, (5, 2)))  # fmt: skip
        axes.legend(frameon=False, loc="lower right", fontsize=9, handlelength=3)
        axes.set_ylim(0, None)
        axes.set_xlabel(language.text("figure.age_month"), fontsize=9)
        axes.set_ylabel(language.text(ylabel), fontsize=9)
        _small(axes)
        written(axes.xaxis, language, "count")
        written(axes.yaxis, language, "money")
        return svg(figure)


def stacked_sales(table: pd.DataFrame, names: Sequence[str], language: Language) -> str:
    """Sales by period: to known customers, and on top to new ones."""
    with look():
        figure, axes = canvas(LENS + 0.1)
        x = np.arange(len(table))
        known, new = table["amount_known"].to_numpy(), table["amount_new"].to_numpy()
        axes.bar(x, known, width=0.75, color=LINE, label=language.text("figure.sales_known"))
        axes.bar(x, new, bottom=known, width=0.75, color=ACCENT,
                 label=language.text("figure.sales_new"))  # fmt: skip
        step = max(1, -(-len(x) // 6))
        axes.set_xticks(x[::step], list(names)[::step], fontsize=9)
        axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
        axes.set_ylim(0, float((known + new).max()) * 1.4 or 1)  # room for the legend
        axes.grid(axis="x", visible=False)
        _small(axes)
        written(axes.yaxis, language, "money")
        return svg(figure)


def _small(axes: Axes) -> None:
    axes.tick_params(labelsize=8.5)
    axes.locator_params(axis="y", nbins=4)


def _bare(axes: Axes) -> None:
    """Without an axis of amounts: every bar has its own."""
    axes.grid(visible=False)
    axes.set_xticks([])
    for side in ("bottom", "left"):
        axes.spines[side].set_visible(False)


def _money(value: float, language: Language) -> str:
    return language.write(Quantity(float(value), "money"))


def _signed(value: float, language: Language) -> str:
    return language.write(signed(value))
