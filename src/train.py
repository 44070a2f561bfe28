"""Train one experiment and evaluate it: `python -m src.train model=hybrid`. `--help` lists the choices."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from src import config as configs
from src import console, errors, plain_files, rundir
from src.clip import describe_left_out
from src.rundir.folder import lock, remove_if_empty
from src.settings.check import check_job_config
from src.sweep.jobs import Outcome
from src.training import ranks

if TYPE_CHECKING:
    from src.data.datamodule import GenreData

MAX_LISTED = 10  # largest number of reasons to leave out clips, and of warnings of the split, that are printed
MAX_GENRES = 40  # largest number of genres that are named there


@hydra.main(version_base="1.3", config_path=str(configs.CONF), config_name="train")
def main(config: DictConfig) -> Outcome:
    """Run one job, a single run or one job of a sweep, and return its outcome with its macro F1 on the validation set.

    In a sweep, a failed job returns its error as the outcome, so that it does not stop the others. A failed single run
    exits with status 1. Ctrl-C exits with status 130.
    """
    folder = console.relative_path(Path(HydraConfig.get().runtime.output_dir))
    in_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        check_job_config(config)  # before anything heavy is imported: a wrong setting is answered at once
        ranks.check(config)
        if ranks.rank(config):
            return follow(config, folder)
        return Outcome(train(config, folder), f1_macro=rundir.RunDir(folder).metrics["val"]["f1_macro"])
    except KeyboardInterrupt:
        advice = "Run the same command again to resume." if in_sweep else f"To resume: {configs.rerun_command(folder)}"
        console.note(f"Interrupted. What is finished is saved. {advice}")
        remove_if_empty(folder)
        sys.exit(130)
    except Exception as error:
        errors.show(error, "train")
        remove_if_empty(folder)
        if in_sweep:
            return Outcome("failed", errors.explain(error), repeats=errors.repeats(error))
        if plain_files.no_room(error) and folder.exists():
            console.note(f"To resume: {configs.rerun_command(folder)}")
        console.discard_unwritable_output()
        sys.exit(1)


def train(config: DictConfig, folder: Path) -> str:
    """Train one experiment and write its run directory.

    All settings are checked before any sound is decoded. If the run is finished, nothing is done, except that a missing
    report is written. If it was interrupted, training resumes after its last epoch. The best epoch is calibrated on the
    validation clips and evaluated on the validation and test clips. Prints the scores on the test clips. Returns how the
    job ended: "run", "resumed" or "skipped".
    """
    from src.classifier import precision, weights
    from src.reporting import opinions_text, run_page, run_text
    from src.reporting.genre_table import genre_table
    from src.sweep import processes
    from src.training import loggers, report_material, resume, run_writer, setup, stages
    from src.training.callbacks import History, ProgressBar
    from src.training.curves import Curves
    from src.training.resume import RunState

    processes.check_working_folder(HydraConfig.get().runtime.cwd)
    precision.resolve_auto(config)
    weights.record_digests(config)
    setup.check_settings(config)
    loggers.check(config)
    report_material.check(config)
    sweep = folder.parent.name if HydraConfig.get().mode == RunMode.MULTIRUN else None

    # After a killed sweep, another process may still train this job: wait for it, then skip the job.
    with lock(folder, "training", wait=sweep is not None):
        data = setup.compose_data(config)
        announce(data)
        run = resume.open_run(config, folder, data)
        if run.state is RunState.FINISHED:
            console.line(f"{folder}: this run is already finished, see {run_page.write_if_missing(folder)}")
            return "skipped"

        module = setup.build_module(config, data.genres, data.counts)
        for note in module.notes:
            console.note(f"Note: {note}")
        if data.target_shares is not None and not module.uses_gradients:
            console.note("Note: this model is fitted to the genre of the majority, not to the shares of opinions.")
        history = History(folder / rundir.HISTORY)
        resumed = run.state is RunState.PARTIAL
        with loggers.open_loggers(config, folder, sweep, resumed) as opened:
            trainer = setup.make_trainer(config, module, folder, opened, [history, Curves(), ProgressBar()])
            setup.cache_feature(config, data, module, trainer.strategy.root_device)
            with ranks.together(config, folder):
                stages.fit(trainer, module, data, folder, resume=resumed)
                evaluation = stages.evaluate(trainer, module, data, folder)
            metrics = run_writer.write_results(
                folder, evaluation, module, data, history.seconds, len(history.rows), run.identity
            )
            loggers.log_results(opened, loggers.Results(metrics, evaluation.test, data))
            report_material.write(config, folder, evaluation.test, evaluation.embeddings, in_sweep=sweep is not None)
            report = run_page.write(folder, trust=None)
            loggers.log_files(opened, folder)

        console.result(genre_table(metrics, "{model} on {feature}, test clips".format(**configs.choices())))
        console.note(run_text.describe_baseline(rundir.RunDir(folder, trust=None)))
        for line in opinions_text.lines(metrics["test"]["opinions"]) if data.has_opinions else ():
            console.note(line)
        for warning in run_text.describe_warnings(metrics):
            console.note(f"Warning: {warning}")
        console.line(f"{folder}: the report is {report}")
        return "resumed" if resumed else "run"


def follow(config: DictConfig, folder: Path) -> Outcome:
    """Train beside rank 0, in a process that prints and writes nothing: see `src.training.ranks`."""
    with ranks.following(config.debug):
        from src.training import stages

        stages.follow(config, folder)
    return Outcome("run")


def announce(data: "GenreData") -> None:
    """Print the data set, its split, and the clips that were left out with the reasons, on standard error."""
    from src import formatting
    from src.data import opinions as clip_opinions

    certificate = data.certificate
    clips, genres = formatting.count(len(data.clips), "clip"), formatting.count(len(data.genres), "genre")
    lines = [f"{data.corpus.name}: {clips} of {genres} ({formatting.first_names(data.genres, MAX_GENRES)})"]
    if data.corpus.synthetic:
        lines.append("The music is synthetic: scores on it say nothing about real recordings.")
    lines.append(f"Split: {formatting.split(certificate)}")
    lines += [
        f"  {formatting.subset(subset)}: {formatting.size(size)}, {formatting.count(size['tracks'], 'track')}"
        for subset, size in certificate["sets"].items()
    ]
    lines += [f"Note: {note}" for note in [*data.corpus.notes, *certificate["warnings"][:MAX_LISTED]]]
    if len(certificate["warnings"]) > MAX_LISTED:
        lines.append(f"Note: {len(certificate['warnings']) - MAX_LISTED} more such notes, see report.html")
    if data.short_clip_count:
        seconds = data.crop_length / data.sample_rate
        short_clips = formatting.count(data.short_clip_count, "clip")
        lines.append(f"Note: clips shorter than a crop ({seconds:g} s) are repeated to fill it: {short_clips}.")
    for kind in dict.fromkeys(note.kind for note in data.notes):
        first, *others = [note for note in data.notes if note.kind == kind]
        more = f" (also {formatting.count(len(others), 'other clip')}, see notes.csv)" if others else ""
        lines.append(f"Note: {first.clip}: {first.note}{more}")
    if data.has_opinions:
        from src.reporting import opinions_text

        opinions = clip_opinions.agree(clip_opinions.collect(data.clips, data.genres))
        lines += [f"Opinions: {line}" for line in opinions_text.people_lines(opinions)]
        lines += [f"Warning: {line}" for line in [opinions_text.by_chance(opinions)] if line]
    left_out = describe_left_out(data.excluded)
    lines += [f"Left out: {line}" for line in left_out[:MAX_LISTED]]
    if len(left_out) > MAX_LISTED:
        lines.append(f"Left out: clips for {len(left_out) - MAX_LISTED} more reasons, see excluded.csv")
    for line in lines:
        console.note(line)


if __name__ == "__main__":
    errors.run(main, "train")
