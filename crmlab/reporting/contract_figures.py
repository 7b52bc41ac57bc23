"""The figures of the report on contracts: a table in, SVG text out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab.reporting.canvas import ACCENT, GREY, INK, LINE, WARN, canvas, label, look, svg, written
from crmlab.reporting.language import Language, count, money, number

COLOURS = (ACCENT, WARN, INK, "#6a8f2f", "#7b5ea7", GREY)
STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), "-.", (0, (7, 2, 1, 2)), (0, (3, 3)))
MODELS: dict[str, tuple[str, Any]] = {
    "sBG": (ACCENT, "-"), "BdW": ("#7b5ea7", (0, (5, 2))), "constant": (WARN, (0, (1, 1.4))),
}  # fmt: skip

COARSE = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FINE = (0.2, 0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
"""Ratios at which the axis of a forest plot has its marks: where effects are strong, and else."""


def survival(
    curves: Mapping[str, pd.DataFrame], names: Sequence[str], language: Language, unit: str
) -> str:
    """Kaplan-Meier steps with their bands, names at their ends, numbers at risk below."""
    with look():
        figure, _ = canvas(3.2 + 0.24 * len(curves))
        figure.clear()
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[11, 1 + len(curves)])
        last = max(int(table.index[-1]) for table in curves.values())
        ends = []
        for k, table in enumerate(curves.values()):
            color = COLOURS[k % len(COLOURS)]
            axes.step(table.index, table["survival"], where="post", color=color, lw=2,
                      ls=STYLES[k % len(STYLES)])  # fmt: skip
            axes.fill_between(table.index, table["lower"], table["upper"], step="post",
                              color=color, alpha=0.14, lw=0)  # fmt: skip
            ends.append((float(table["survival"].iloc[-1]), float(table.index[-1]), color))
        if len(curves) > 1:
            _names_at_ends(axes, ends, names)
        axes.set_ylim(0, 1.03)
        axes.set_xlim(0, last * (1.25 if len(curves) > 1 else 1.02))
        _tenures(axes, language, unit, last)
        axes.set_ylabel(language.text("figure.under_contract"))
        written(axes.yaxis, language, "share")
        axes.tick_params(labelbottom=True)
        _at_risk(below, list(curves.values()), language, last)
        return svg(figure)


def _names_at_ends(
    axes: Axes, ends: list[tuple[float, float, str]], names: Sequence[str], height: float = 1.0
) -> None:
    """Direct labels beside the ends of lines, kept apart; `height` is that of the axes."""
    ordered = sorted(zip(ends, names, strict=True))
    gap = 0.075 * height
    places: list[float] = []
    for (y, _, _), _ in ordered:
        places.append(max(y, places[-1] + gap) if places else y)
    for k in reversed(range(len(places))):  # and none above the axes
        above = places[k + 1] - gap if k + 1 < len(places) else 1.0
        places[k] = min(places[k], above)
    for ((_, x, color), name), place in zip(ordered, places, strict=True):
        label(axes, x, place, name, color)


def _at_risk(axes: Axes, tables: list[pd.DataFrame], language: Language, last: int) -> None:
    """Numbers at risk on axes of their own, a line a curve in its colour."""
    places = [int(x) for x in axes.get_xticks() if 0 <= x <= last]
    axes.set_axis_off()
    axes.set_ylim(-len(tables) - 0.5, 0.5)
    axes.text(0, 0, language.text("figure.at_risk"), color=GREY, fontsize=9, va="center")
    for k, table in enumerate(tables):
        for place in places:
            at = table["at_risk"].get(max(place, 1))
            text = "0" if at is None else language.write(count(at))
            axes.text(place, -k - 1, text, ha="center", va="center", fontsize=9,
                      color=COLOURS[k % len(COLOURS)])  # fmt: skip


def _tenures(axes: Axes, language: Language, unit: str, last: int) -> None:
    step = next(s for s in (1, 2, 3, 6, 12, 24, 36, 60, 120, 365, 10**9) if last / s <= 9)
    axes.set_xticks(np.arange(0, last + 1, step))
    axes.set_xlabel(language.text(f"figure.tenure_{unit}"))
    written(axes.xaxis, language, "count")


def projection(table: pd.DataFrame, last: int, names: Mapping[str, str], language: Language,
               unit: str, start: int | None = None) -> str:  # fmt: skip
    """Survival as observed to `last`, and by each model beyond; `start`: where they stop learning.

    `names`: columns of models with their words, the one that values rest on first.
    """
    with look():
        figure, axes = canvas(3.5)
        chosen = next(iter(names))
        if f"{chosen}_lower" in table:
            axes.fill_between(table.index, table[f"{chosen}_lower"], table[f"{chosen}_upper"],
                              color=MODELS[chosen][0], alpha=0.15, lw=0)  # fmt: skip
        observed = table["observed"].dropna()
        axes.step(observed.index, observed, where="post", color=INK, lw=2.4)
        for name in names:
            color, style = MODELS[name]
            axes.plot(table.index, table[name], color=color, ls=style, lw=1.8)
        ends = [(float(table[n].iloc[-1]), float(table.index[-1]), MODELS[n][0]) for n in names]
        words = list(names.values())
        if len(observed) == len(table):
            ends.append((float(observed.iloc[-1]), float(table.index[-1]), INK))
            words.append(language.text("figure.observed"))
        else:
            middle = int(observed.index[len(observed) // 3])
            label(axes, middle, float(observed[middle]), language.text("figure.observed"), INK,
                  xytext=(4, 10))  # fmt: skip
        _names_at_ends(axes, ends, words)
        edge = last if start is None else start
        axes.axvline(edge, color=GREY, lw=1, ls=(0, (3, 3)))
        key = "figure.data_end" if start is None else "figure.calibration_end"
        label(axes, edge, 1.0, language.text(key), GREY, fontsize=9)
        first, end = float(table.index[0]), float(table.index[-1])
        axes.set_ylim(0, 1.06)
        axes.set_xlim(first, end + 0.22 * (end - first))
        _tenures(axes, language, unit, int(end))
        axes.set_xlim(first, end + 0.22 * (end - first))
        axes.set_ylabel(language.text("figure.under_contract"))
        written(axes.yaxis, language, "share")
        return svg(figure)


def retention(table: pd.DataFrame, names: Mapping[str, str], language: Language, unit: str) -> str:
    """Retention rate at each renewal with its limits, against the models' lines."""
    with look():
        figure, axes = canvas(3.5)
        rate = table["retention_rate"]
        error = np.abs(table[["retention_lower", "retention_upper"]].to_numpy().T - rate.to_numpy())
        axes.errorbar(table.index, rate, yerr=error, fmt="o", color=INK, ecolor=LINE, ms=4, lw=1.4)
        ends = []
        for name in names:
            color, style = MODELS[name]
            axes.plot(table.index, table[name], color=color, ls=style, lw=1.8)
            ends.append((float(table[name].iloc[-1]), float(table.index[-1]), color))
        lines = table[list(names)].to_numpy()
        low = max(min(float(rate.quantile(0.05)), float(lines.min())) - 0.06, 0.0)
        axes.set_ylim(low, 1.0 + 0.05 * (1 - low))
        _names_at_ends(axes, ends, list(names.values()), 1 - low)
        last = int(table.index[-1])
        _tenures(axes, language, unit, last)
        axes.set_xlabel(language.text(f"figure.renewal_{unit}"))
        axes.set_xlim(0.4, last * 1.22 + 0.5)
        axes.set_ylabel(language.text("figure.retention_rate"))
        written(axes.yaxis, language, "share")
        return svg(figure)


def residual(table: pd.DataFrame, alike: float, language: Language, unit: str) -> str:
    """Value of one contract by tenure with its band, against all customers alike."""
    with look():
        figure, axes = canvas(2.6)
        axes.fill_between(table.index, table["lower"], table["upper"], color=ACCENT, alpha=0.18,
                          lw=0)  # fmt: skip
        axes.plot(table.index, table["value"], color=ACCENT, lw=2, marker="o", ms=3)
        axes.axhline(alike, color=WARN, lw=1.5, ls=(0, (5, 2)))
        last = int(table.index[-1])
        label(axes, last, float(table["value"].iloc[-1]),
              language.write(money(table["value"].iloc[-1])), ACCENT)  # fmt: skip
        text = f"{language.text('figure.alike')}: {language.write(money(alike))}"
        middle = float(table["value"].iloc[round(0.35 * (len(table) - 1))])
        label(axes, 0.35 * last, alike, text, WARN, xytext=(0, -9 if middle > alike else 8))
        low, high = min(float(table["lower"].min()), alike), max(float(table["upper"].max()), alike)
        axes.set_ylim(1.12 * min(low, 0), 1.12 * max(high, 0) or 1)
        _tenures(axes, language, unit, last)
        axes.set_xlim(0, max(last, 1) * 1.14)
        axes.set_ylabel(language.text("figure.contract_value"))
        written(axes.yaxis, language, "money")
        return svg(figure)


def forest(names: Sequence[str], fits: Mapping[str, pd.DataFrame], language: Language) -> str:
    """Effects with their limits, a line a covariate's level; 1 is no effect."""
    with look():
        figure, axes = canvas(1.0 + 0.42 * len(names))
        y = np.arange(len(names))[::-1].astype(float)
        for k, (kind, table) in enumerate(fits.items()):
            at, color = y + 0.14 - 0.28 * k if len(fits) > 1 else y, (ACCENT, GREY)[k]
            limits = np.abs(table[["lower", "upper"]].to_numpy().T - table["ratio"].to_numpy())
            axes.errorbar(table["ratio"], at, xerr=limits, fmt="os"[k], color=color, ms=6, lw=1.6,
                          label=language.text(f"figure.{kind}"),
                          markerfacecolor=color if k == 0 else "white")  # fmt: skip
        axes.axvline(1, color=INK, lw=1)
        axes.set_xscale("log")
        every = pd.concat(fits.values())
        low, high = min(float(every["lower"].min()), 0.8), max(float(every["upper"].max()), 1.25)
        axes.set_xlim(low / 1.15, high * 1.15)
        marks = COARSE if high / low > 8 else FINE
        ticks = [t for t in marks if low / 1.15 <= t <= high * 1.15]
        axes.set_xticks(ticks, [language.write(number(t)) for t in ticks])
        axes.minorticks_off()
        axes.set_yticks(y, [textwrap.fill(name, 34) for name in names], fontsize=9.5)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(language.text("figure.ratio"))
        figure.legend(frameon=False, loc="outside upper right", ncols=2, fontsize=9.5)
        return svg(figure)


def calibration(table: pd.DataFrame, language: Language) -> str:
    """Predicted share who left against what happened, by tenth of the prediction."""
    with look():
        figure, axes = canvas(2.0)
        observed = table["observed"]
        error = np.abs(table[["lower", "upper"]].to_numpy().T - observed.to_numpy())
        most = float(table["predicted"].max())
        top = max(1.06 * float(table["upper"].max()), 1.2 * most)
        axes.plot([0, top], [0, top], color=GREY, lw=1, ls=(0, (3, 3)))
        axes.errorbar(table["predicted"], observed, yerr=error, fmt="o", color=ACCENT, ecolor=LINE,
                      ms=6, lw=1.6)  # fmt: skip
        right = 1.3 * most
        label(axes, 1.08 * most, 1.08 * most, language.text("figure.as_predicted"), GREY,
              xytext=(8, -12))  # fmt: skip
        axes.set_xlim(0, right)
        axes.set_ylim(0, top)
        axes.set_xlabel(language.text("figure.predicted_leave"))
        axes.set_ylabel(language.text("figure.observed_leave"))
        for axis in (axes.xaxis, axes.yaxis):
            written(axis, language, "share")
        return svg(figure)
