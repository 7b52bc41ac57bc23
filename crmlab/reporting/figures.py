"""The figures: a table in, SVG text out. No figure computes what it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from crmlab.reporting.canvas import (
    ACCENT,
    GREY,
    INK,
    LINE,
    WARN,
    canvas,
    label,
    look,
    svg,
    written,
)
from crmlab.reporting.language import Language, Quantity, count, money, share


def two_lines(
    frame: pd.DataFrame, language: Language, actual: str, expected: str, split: float
) -> str:
    """Actual and expected by week, with the end of calibration marked."""
    with look():
        figure, axes = canvas(3.0)
        axes.plot(frame["week"], frame[actual], color=INK, lw=1.6)
        axes.plot(frame["week"], frame[expected], color=ACCENT, lw=1.8, ls=(0, (5, 2)))
        axes.axvline(split, color=GREY, lw=1)
        top = 1.04 * max(frame[actual].max(), frame[expected].max())
        axes.set_ylim(0, top)
        axes.set_xlim(0, frame["week"].max() * 1.16)
        late = split > 0.6 * frame["week"].max()
        axes.annotate(
            language.text("figure.calibration_end"), (split, top), xytext=(0, 3),
            textcoords="offset points", va="bottom", ha="right" if late else "left", color=GREY,
        )  # fmt: skip
        _end_labels(
            axes,
            frame,
            [(actual, INK, "figure.actual"), (expected, ACCENT, "figure.model")],
            language,
        )
        axes.set_xlabel(language.text("figure.week"))
        axes.set_ylabel(language.text("figure.repeats"))
        written(axes.yaxis, language, "count")
        return svg(figure)


def _end_labels(axes, frame, lines, language) -> None:  # type: ignore[no-untyped-def]
    """Names at the ends of lines, pushed apart where the ends meet."""
    ends = sorted((float(frame[c].iloc[-1]), color, key) for c, color, key in lines)
    gap = 0.07 * axes.get_ylim()[1]
    below = -np.inf
    for y, color, key in ends:
        below = max(y, below + gap)
        label(axes, float(frame["week"].iloc[-1]), below, language.text(key), color)


def by_frequency(table: pd.DataFrame, language: Language) -> str:
    """Holdout purchases by calibration frequency: observed with error bars, predicted as marks."""
    with look():
        figure, axes = canvas()
        x = np.arange(len(table))
        axes.bar(x, table["actual"], width=0.62, color=LINE)
        axes.errorbar(
            x, table["actual"], yerr=1.96 * table["actual_error"].fillna(0), fmt="none",
            ecolor=GREY, lw=1.2,
        )  # fmt: skip
        axes.plot(x, table["predicted"], "D", color=ACCENT, ms=7)
        names = [language.write(count(v)) for v in table.index]
        names[-1] += "+"
        axes.set_xticks(x, names)
        last = len(x) - 1
        axes.set_xlim(-0.6, last + 1.3)
        axes.set_ylim(0, None)
        label(
            axes,
            last,
            float(table["predicted"].iloc[-1]),
            language.text("figure.model"),
            ACCENT,
            xytext=(9, -9),
        )
        label(
            axes,
            last + 0.3,
            float(table["actual"].iloc[-1]),
            language.text("figure.actual"),
            INK,
            xytext=(4, 7),
        )
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(language.text("figure.repeats_in_calibration"))
        axes.set_ylabel(language.text("figure.holdout_each"))
        written(axes.yaxis, language, "number")
        return svg(figure)


def bars(
    values: pd.Series, language: Language, kind: str, xlabel: str, ylabel: str, accent: int = 1
) -> str:
    """Bars in one colour, the first `accent` of them in the accent, each with its value."""
    with look():
        figure, axes = canvas(2.6)
        x = np.arange(len(values))
        axes.bar(x, values, width=0.72, color=[ACCENT] * accent + [LINE] * (len(x) - accent))
        for i, v in enumerate(values):
            text = language.write(Quantity(float(v), kind))
            axes.annotate(
                text,
                (i, max(float(v), 0.0)),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                color=INK,
                fontsize=9,
            )
        axes.set_xticks(x, [str(v) for v in values.index])
        axes.set_ylim(min(float(values.min()) * 1.12, 0.0), float(values.max()) * 1.12)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(language.text(xlabel))
        axes.set_ylabel(language.text(ylabel))
        written(axes.yaxis, language, kind)
        return svg(figure)


def side_bars(
    names: Sequence[str], values: Sequence[float], language: Language, kind: str, xlabel: str
) -> str:
    """Horizontal bars with their names at the left and their values at the end.

    A missing value is one that is not shown: it has a mark and no bar.
    """
    with look():
        figure, axes = canvas(0.5 + 0.29 * len(names))
        y = np.arange(len(names))[::-1]
        axes.barh(y, values, height=0.66, color=ACCENT)
        for i, v in zip(y, values, strict=True):
            known = np.isfinite(v)
            text = language.write(Quantity(float(v), kind)) if known else language.text("word.few")
            label(axes, max(float(v), 0.0) if known else 0.0, float(i), text, INK, fontsize=9.5)
        axes.set_yticks(y, names)
        axes.set_ylim(-0.5, len(names) - 0.5)
        low, high = (float(f([0.0, *values])) for f in (np.nanmin, np.nanmax))
        axes.set_xlim(low, high + 0.18 * (high - low) or 1)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlabel(textwrap.fill(language.text(xlabel), 36))
        return svg(figure)


def concentration(curve: pd.DataFrame, language: Language) -> str:
    """Share of value held by the most valuable share of customers."""
    with look():
        figure, axes = canvas(2.0)
        axes.fill_between(curve["customer_share"], curve["value_share"], color=ACCENT, alpha=0.12)
        axes.plot(curve["customer_share"], curve["value_share"], color=ACCENT, lw=2)
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (3, 3)))
        label(axes, 0.62, 0.62, language.text("figure.equal"), GREY, xytext=(8, -8))
        for at in (0.1, 0.2, 0.5):
            held = float(np.interp(at, curve["customer_share"], curve["value_share"]))
            axes.plot(at, held, "o", color=ACCENT)
            label(
                axes,
                at,
                held,
                f"{language.write(share(at))} → {language.write(share(held))}",
                INK,
                xytext=(7, -9),
            )
        axes.set_xlim(0, 1)
        # Where some are worth less than nothing, the others hold more than all of the value.
        axes.set_ylim(0, 1.03 * max(1.0, float(curve["value_share"].max())))
        axes.set_xlabel(language.text("figure.customer_share"))
        axes.set_ylabel(language.text("figure.value_share"))
        for axis in (axes.xaxis, axes.yaxis):
            written(axis, language, "share")
        return svg(figure)


def iso_value(grid: pd.DataFrame, examples: pd.DataFrame, language: Language, unit: str) -> str:
    """Lines of equal value over how often (frequency) and how lately (recency) customers bought.

    `grid`: recency as index, frequency as columns, values in money; `examples`: recency,
    frequency, mark (a letter).
    """
    with look():
        figure, axes = canvas(4.0)
        values = grid.to_numpy().T
        levels = _round_levels(values)
        lines = axes.contour(
            grid.index, grid.columns, values, levels=levels, colors=ACCENT, linewidths=1.3
        )
        for text in axes.clabel(lines, fmt=lambda v: _level(v, language), fontsize=9):
            text.set_clip_on(False)
        for row in examples.itertuples():
            axes.plot(row.recency, row.frequency, "o", color=WARN, ms=8, clip_on=False, zorder=5)
            label(
                axes, row.recency, row.frequency, row.mark, WARN, xytext=(7, 7), fontweight="bold"
            )
        axes.set_xlabel(language.text(f"figure.recency_{unit}"))
        axes.set_ylabel(language.text("figure.frequency"))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        written(axes.xaxis, language, "number" if unit == "year" else "count")
        written(axes.yaxis, language, "count")
        return svg(figure)


def _level(value: float, language: Language) -> str:
    return language.write(Quantity(value, "whole_money" if value >= 1 else "money"))


def _round_levels(values: NDArray[np.float64]) -> list[float]:
    """1, 2 and 5 times powers of ten that lie inside the values, at most eight."""
    top = values.max()
    all_levels = [m * 10.0**e for e in range(-3, 9) for m in (1, 2, 5)]
    return [v for v in all_levels if v < top][-7:]


def band(table: pd.DataFrame, language: Language, cost: float | None = None) -> str:
    """Expected cumulative margin of a new customer by month, with its confidence band.

    A line shows what winning one costs, if that is known.
    """
    with look():
        figure, axes = canvas(3.2)
        axes.fill_between(
            table["month"], table["lower"], table["upper"], color=ACCENT, alpha=0.18, lw=0
        )
        axes.plot(table["month"], table["value"], color=ACCENT, lw=2)
        end = table.iloc[-1]
        label(
            axes,
            float(end["month"]),
            float(end["value"]),
            language.write(money(end["value"])),
            ACCENT,
        )
        if cost is not None:
            axes.axhline(cost, color=WARN, lw=1.2, ls=(0, (5, 2)))
            text = f"{language.text('figure.acquisition_cost')}: {language.write(money(cost))}"
            label(axes, 0.6 * float(end["month"]), cost, text, WARN, xytext=(0, 7))
        axes.set_ylim(0, max(float(table["upper"].max()), cost or 0.0) * 1.08)
        axes.set_xlim(0, float(end["month"]) * 1.12)
        axes.set_xlabel(language.text("figure.month"))
        axes.set_ylabel(language.text("figure.margin_each"))
        axes.set_xticks(np.arange(0, float(end["month"]) + 1, 12))
        written(axes.xaxis, language, "count")
        written(axes.yaxis, language, "money")
        return svg(figure)
