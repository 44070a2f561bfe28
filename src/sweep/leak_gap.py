"""Table at the end of sweep=leak_gap. Hydra callback of conf/sweep/leak_gap.yaml."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src import console, formatting
from src.sweep import jobs, names

if TYPE_CHECKING:
    from rich.table import Table

    from src.evaluation.leak_gap import SplitPair


class LeakGap(Callback):
    """Compare the scores on the grouped split and on the random split: the difference is the leak gap."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print the table and the leak gap; if a job failed, only a message."""
        from src import rundir
        from src.evaluation import leak_gap
        from src.evaluation.groups import group_by_config
        from src.reporting import leak_gap_text, sweep_page

        folder = console.relative_path(Path(config.hydra.sweep.dir))
        failed_labels = [job.label for job in jobs.read(names.notes_folder(config)) if job.state == "failed"]
        if failed_labels:
            console.note(
                f"sweep=leak_gap: {'; '.join(failed_labels)} failed, so there is no table. Fix the error and run the same "
                "command again."
            )
            return
        try:
            runs = sweep_page.readable_runs(rundir.find_runs(folder, trust=None), pages=False)[0]
            pairs = leak_gap.split_pairs(group_by_config(runs))
        except (ValueError, OSError) as error:  # Hydra would turn the exception into a warning
            console.note(f"sweep=leak_gap: no table. {error}")
            return
        if not pairs:
            console.note(f"sweep=leak_gap: no table. No two groups of runs in {folder} differ only in split.grouped.")
        for pair in pairs:
            console.result(table(pair))
            console.line(leak_gap_text.describe_leak_gap(pair))


def table(pair: "SplitPair") -> "Table":
    """Build the table of both splits, in percent; the caption describes the splits and how their runs were pooled."""
    from rich.markup import escape
    from rich.table import Table

    from src.evaluation import leak_gap
    from src.reporting import tested_on_text

    metrics = pair.grouped.runs[0].metrics
    arms = ((f"grouped by {leak_gap.grouped_by(pair.grouped)}", pair.grouped), ("random over clips", pair.random))
    splits = [list(dict.fromkeys(run.metrics["certificate"]["split"] for run in arm.runs)) for _, arm in arms]
    caption = " ".join(
        f"{name}: {tested_on_text.describe_splits(arm_splits)}; {arm.description}."
        for (name, arm), arm_splits in zip(arms, splits, strict=True)
    )
    table = Table(
        title=escape(f"{pair.label}, test clips of {formatting.data(metrics['dataset'], metrics['synthetic'])}"),
        caption=escape(f"{caption} Intervals are Wilson's, with clips treated as independent."),
        caption_justify="left",
    )
    table.add_column("split")
    for heading in ("accuracy over all clips %", "95 % interval", "macro F1 %", "clips", "artists"):
        table.add_column(heading, justify="right")
    for name, arm in arms:
        accuracy = (formatting.cell(arm.scores["accuracy"]), formatting.cell_interval(arm.scores["accuracy_interval"]))
        artists = "unknown" if arm.scores["artists"] is None else str(arm.scores["artists"])
        table.add_row(name, *accuracy, formatting.cell(arm.scores["f1_macro"]), str(arm.scores["clips"]), artists)
    return table
