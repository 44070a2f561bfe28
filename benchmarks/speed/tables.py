"""Markdown tables of the figures: one for each part, with its command, its targets and the machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed.figures import Figure

HEAD = "| what | median | against | its median | ratio | target |\n|---|---:|---|---:|---:|---|"


def document(content: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """All tables of a JSON file that `make benchmark` has written; `titles` are those of the parts."""
    figures = [Figure.read(record) for record in content["figures"]]
    sections = []
    for part in dict.fromkeys(figure.part for figure in figures):
        seconds = content["seconds"][part]
        sections.append(
            f"**{part}**: {titles[part]} ({seconds:.0f} s)\n\n"
            + table([figure for figure in figures if figure.part == part])
            + f'\n\n```sh\nmake benchmark ARGS="{part}"\n```'
        )
    return "\n\n".join([*sections, footer(content)])


def table(figures: Sequence[Figure]) -> str:
    """A table of figures, one row each."""
    rows = [
        f"| {figure.what} | {quantity(figure.value, figure.unit)} | {figure.alternative} | "
        f"{quantity(figure.other, figure.unit)} | {figure.ratio:.2f} | {_target(figure)} |"
        for figure in figures
    ]
    return "\n".join([HEAD, *rows])


def footer(content: Mapping[str, Any]) -> str:
    """The duration, the number of targets that were met, the failed parts, the machine and the versions."""
    met = [figure["met"] for figure in content["figures"] if figure["met"] is not None]
    lines = [
        f"{sum(content['seconds'].values()) / 60:.1f} minutes. Targets met: {sum(met)} of {len(met)}.",
        ", ".join(f"{key} {value}" for key, value in content["machine"].items()),
    ]
    if content["failed"]:
        lines.insert(1, f"Parts that failed: {', '.join(content['failed'])}.")
    return "\n\n".join(lines)


def quantity(value: float, unit: str) -> str:
    """A number with three digits and its unit: "0.105 s", "1,482 MB"."""
    number = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def _target(figure: Figure) -> str:
    if figure.met is None:
        return ""
    bound = f"at most {figure.at_most:g}" if figure.at_most is not None else f"at least {figure.at_least:g}"
    return f"{bound}: {'met' if figure.met else '**missed**'}"
