"""The figures of the retention report: a table in, SVG text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from crmlab.reporting.canvas import ACCENT, GREY, INK, LINE, WARN, canvas, label, look, svg, written
from crmlab.reporting.language import Language, share

BLUES = LinearSegmentedColormap.from_list("crmlab", ["#f2f6fa", "#0b5fa5"])
SHADES = (INK, ACCENT, WARN, "#6a8f2f", "#7b5ea7", GREY)


def heat_map(
    rates: pd.DataFrame,
    partial: pd.DataFrame,
    names: Sequence[str],
    language: Language,
    age_unit: str,
) -> str:
    """Repeat rate by cohort and age; hatched where the period was observed for a part only."""
    with look():
        figure, axes = canvas(1.0 + 0.36 * len(rates))
        top = float(np.nanmax(rates.to_numpy())) if rates.notna().any().any() else 1.0
        small = len(rates.columns) > 14
        for i, cohort in enumerate(rates.index):
            for j, age in enumerate(rates.columns):
                rate = rates.loc[cohort, age]
                if np.isfinite(rate):
                    axes.add_patch(
                        Rectangle((j, i), 1, 1, facecolor=BLUES(rate / top), edgecolor="white")
                    )
                    axes.text(
                        j + 0.5, i + 0.5, language.write(share(rate)), ha="center", va="center",
                        fontsize=7.5 if small else 9, color="white" if rate / top > 0.55 else INK,
                    )  # fmt: skip
                elif partial.loc[cohort, age]:
                    axes.add_patch(
                        Rectangle(
                            (j, i), 1, 1, facecolor="white", edgecolor=GREY, hatch="////", lw=0.3
                        )
                    )
        axes.set_xlim(0, len(rates.columns))
        axes.set_ylim(len(rates), 0)
        step = 1 if len(rates.columns) <= 24 else 6
        axes.set_xticks(
            np.arange(0, len(rates.columns), step) + 0.5, [str(a) for a in rates.columns[::step]]
        )
        axes.set_yticks(np.arange(len(rates)) + 0.5, names)
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_xlabel(language.text(f"figure.age_{age_unit}"))
        return svg(figure)


def curves(rates: pd.DataFrame, names: Sequence[str], language: Language, age_unit: str) -> str:
    """Repeat rate by age, one line a cohort (the last six), each with its name."""
    with look():
        figure, axes = canvas(2.9)
        shown = list(zip(rates.index, names, strict=True))[-len(SHADES) :]
        styles = ["-", (0, (5, 2)), (0, (1, 1.4)), "-.", (0, (7, 2, 1, 2)), (0, (3, 3))]
        top = float(np.nanmax(rates.to_numpy()))
        for k, (cohort, name) in enumerate(shown):
            line = rates.loc[cohort].dropna()
            if line.empty:
                continue
            axes.plot(line.index, line, color=SHADES[k], ls=styles[k], lw=1.8)
            axes.plot([], [], color=SHADES[k], ls=styles[k], lw=1.8, label=name)
        axes.legend(frameon=False, loc="upper right", ncols=2, handlelength=3)
        axes.set_ylim(0, top * 1.12)
        axes.set_xlabel(language.text(f"figure.age_{age_unit}"))
        axes.set_ylabel(language.text("figure.repeat_rate"))
        written(axes.xaxis, language, "count")
        written(axes.yaxis, language, "share")
        return svg(figure)


def distribution(bands: pd.DataFrame, language: Language) -> str:
    """Customers by probability of being active."""
    with look():
        figure, axes = canvas(2.2)
        x = (bands["lower"] + bands["upper"]) / 2
        axes.bar(x, bands["customers"], width=0.092, color=LINE)
        axes.bar(x, bands["expected_active"], width=0.092, color=ACCENT)
        tallest = int(np.argmax(bands["customers"].to_numpy()))
        label(
            axes,
            float(x.iloc[tallest]) + 0.046,
            float(bands["customers"].iloc[tallest]),
            language.text("figure.all_customers"),
            GREY,
        )
        last = len(bands) - 1
        axes.annotate(
            language.text("figure.expected_active"),
            (float(x.iloc[last]), float(bands["expected_active"].iloc[last])),
            xytext=(0, 14), textcoords="offset points", ha="right", color=ACCENT,
        )  # fmt: skip
        axes.set_xlim(0, 1)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel(language.text("figure.p_alive"))
        axes.set_ylabel(language.text("figure.customers"))
        written(axes.xaxis, language, "share")
        written(axes.yaxis, language, "count")
        return svg(figure)
