"""The flows of customers between stages, as a picture over its table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from crmlab.reporting.canvas import GREY, INK, canvas, look, svg
from crmlab.reporting.language import Language, count, share
from crmlab.reporting.pages import Block, Figure, Sentence, Table, column_head, say
from crmlab.reporting.retention_figures import BLUES

DARK = 0.72
"""From this share on a cell is so dark that its number is white."""


def with_figure(blocks: tuple[Block, ...], language: Language) -> tuple[Block, ...]:
    """The sentence and the table of flows as a figure; other blocks as they are."""
    match blocks:
        case (Sentence() as headline, Table() as table, *rest):
            return _figure(headline, table, language), *rest
    return blocks


def _figure(headline: Sentence, table: Table, language: Language) -> Figure:
    stages = table.frame.iloc[:-1]  # the last row is the total
    alt = say(
        "alt.flows", rows=count(len(stages)), columns=count(stages.shape[1] - 1),
        stayed=share(_stayed(stages)),
    )  # fmt: skip
    title = dataclasses.replace(headline, style="text")
    return Figure(table.key, heat_map(stages, language), title, alt, table)


def _stayed(flows: pd.DataFrame) -> float:
    """The share of customers who are in the stage in which they were."""
    same = sum(
        float(row[f"stage_{row['stage_then'].removeprefix('stage.')}"])
        for _, row in flows.iterrows()
        if f"stage_{row['stage_then'].removeprefix('stage.')}" in flows
    )
    return same / float(flows.drop(columns="stage_then").to_numpy(dtype=float).sum())


def heat_map(flows: pd.DataFrame, language: Language) -> str:
    """Customers by stage then (rows) and now: shaded by the share of their row, framed where they
    stayed.

    `flows` has a column stage_then (keys of texts) and one stage_<name> of counts a stage now.
    """
    numbers = flows.drop(columns="stage_then")
    counts = numbers.to_numpy(dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    with look():
        figure, axes = canvas(0.75 + 0.28 * len(flows))
        for (i, j), part in np.ndenumerate(shares):
            if not counts[i, j]:
                continue
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=BLUES(part), edgecolor="white"))
            axes.text(j + 0.5, i + 0.5, language.write(count(counts[i, j])), ha="center",
                      va="center", fontsize=9, color="white" if part > DARK else INK)  # fmt: skip
            if numbers.columns[j] == flows["stage_then"].iloc[i].replace(".", "_"):
                frame = Rectangle(
                    (j + 0.03, i + 0.05), 0.94, 0.9, fill=False, edgecolor=GREY, lw=1.4
                )
                axes.add_patch(frame)
        axes.set_xlim(0, counts.shape[1])
        axes.set_ylim(len(flows), 0)
        heads = [column_head(name, language) for name in numbers.columns]
        axes.set_xticks(np.arange(len(heads)) + 0.5, heads, fontsize=9)
        axes.xaxis.tick_top()
        names = [language.text(key) for key in flows["stage_then"]]
        sizes = [language.write(count(n)) for n in counts.sum(axis=1)]
        axes.set_yticks(
            np.arange(len(names)) + 0.5,
            [f"{n} ({s})" for n, s in zip(names, sizes, strict=True)], fontsize=9,
        )  # fmt: skip
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_xlabel(language.text("figure.flows"))
        return svg(figure)
