"""Evaluations and matrix at the end of sweep=transfer. Hydra callback of conf/sweep/transfer.yaml."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src import console
from src.sweep import jobs, names

JSON = "transfer.json"


class Transfer(Callback):
    """Judge each run on the test clips of the other data sets, and print the matrix of all scores."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Judge what is not judged yet, print the matrix, and write transfer.json into the sweep's folder.

        If a job failed, only a message is printed and nothing is written.
        """
        from src import plain_files, rundir
        from src.evaluation.transfer import matrices
        from src.judging.transfer import judge_all
        from src.reporting import sweep_page, transfer_text

        folder = console.relative_path(Path(config.hydra.sweep.dir))
        done = jobs.read(names.notes_folder(config))
        failed_labels = [job.label for job in done if job.state == "failed"]
        if failed_labels:
            console.note(
                f"sweep=transfer: {'; '.join(failed_labels)} failed, so there is no matrix. Fix the error and run the same command again."
            )
            return
        try:
            judge_all(folder, [rundir.RunDir(folder / job.folder, trust=None) for job in done])
            runs = sweep_page.readable_runs(rundir.find_runs(folder, trust=None), pages=False)[0]
            content = matrices(runs)
            plain_files.write_json(folder / JSON, {"schema": 1, "matrices": content}, indent=1)
        except (ValueError, OSError) as error:  # Hydra would turn the exception into a warning
            console.note(f"sweep=transfer: no matrix. {error}")
            return
        for each in content:
            console.result(transfer_text.table(each))
        console.line(f"{folder / JSON} has the numbers")
