"""Runs of Weights & Biases (wandb), offline by default. The only file that imports wandb."""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import WandbLogger

from src import rundir
from src.config import PROJECT
from src.plain_files import first_line
from src.training.loggers.results import CLIP_COLUMNS, GENRE_COLUMNS, Results, axis
from src.training.loggers.tolerant import Tolerant

FINISH_SECONDS = 600  # waited for an upload after the training; `wandb sync` continues one that is not finished then
MOST_MATRIX_GENRES = 100  # wandb draws at most 10,000 cells
MOST_CLIPS = 10_000  # rows of the table of predictions; wandb shows no more
MOST_MISTAKES = 12  # with sound
EXCERPT_SECONDS = 10  # from the middle of a clip
N_FFT, RANGE_DB = 512, 80  # of a spectrogram: samples of a frame, and the range from black to white
# Variable -> folder in RUN/wandb. By default wandb writes into the user's home, which may be missing, read-only or full.
FOLDERS = {f"WANDB_{kind.upper()}_DIR": kind for kind in ("cache", "config", "data", "artifact")}


class WandbRun(WandbLogger):
    """One wandb run: a row of its history for each epoch, the final scores in its summary, tables and charts.

    `media` adds sound and spectrograms of mistakes; `artifacts` uploads the checkpoint and the report if the run is
    online.
    """

    def __init__(self, run: Any, folder: Path, media: bool, artifacts: bool) -> None:
        super().__init__(experiment=run, save_dir=folder)
        self.media, self.artifacts = media, artifacts

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log a row of the history. `step` is the epoch, or the pass of pre-training."""
        self.experiment.log({**metrics, **({axis(metrics): step} if step is not None else {})})

    def log_results(self, results: Results) -> None:
        """Put the scores, the tables and the charts of the test clips into the summary."""
        content = tables(results)
        if self.media and results.mistakes:
            content["test/mistakes"] = mistakes(results)
        self.summarize({**content, **results.scores()})

    def summarize(self, content: Mapping[str, Any]) -> None:
        """Put values, tables and charts into the summary.

        Not into the history: its values are curves, and each table there would be several curves with one point.
        """
        from wandb.plot.custom_chart import CustomChart

        for key, value in content.items():
            if isinstance(value, CustomChart):  # a table, and in the config how to draw it
                value.set_key(key)
                self.experiment._config_callback(key=value.spec.config_key, val=value.spec.config_value)
                key, value = value.spec.table_key, value.table
            self.experiment.summary[key] = value

    def log_files(self, folder: Path) -> None:
        """Upload best.ckpt and report.html as artifacts, unless the run is offline."""
        import wandb as library

        if not self.artifacts or self.experiment.offline:
            return
        for kind, file in (("model", rundir.BEST), ("report", rundir.REPORT)):
            artifact = library.Artifact(f"{kind}-{self.experiment.id}", type=kind)
            artifact.add_file(str(folder / file))
            self.experiment.log_artifact(artifact)


def open_run(
    folder: Path,
    *,
    offline: bool | None = True,
    project: str | None = None,
    entity: str | None = None,
    tags: Sequence[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    name: str,
    sweep: str | None = None,
    settings: Mapping[str, Any] | None = None,
    resumed: bool = False,
) -> Any:
    """Start a wandb run in `folder`/wandb. What is None comes from wandb's variables (WANDB_MODE, WANDB_TAGS ...).

    The variables WANDB_RUN_ID, WANDB_NAME, WANDB_RUN_GROUP and WANDB_JOB_TYPE replace the id, the name, the sweep as group
    and the job type of a run: an agent of a wandb sweep sets the id of each run that it starts.
    """
    import wandb as library

    # wandb's programs for jobs on other machines, which nothing here uses: importing them would take half a second.
    library.Run._detect_and_apply_job_inputs = lambda self: None  # type: ignore[method-assign]
    id_ = _unless_set("WANDB_RUN_ID", run_id(folder))
    run = library.init(
        dir=folder,
        project=project or _unless_set("WANDB_PROJECT", PROJECT),
        entity=entity,
        tags=tags,
        name=_unless_set("WANDB_NAME", name),
        group=group or _unless_set("WANDB_RUN_GROUP", sweep),
        job_type=job_type or _unless_set("WANDB_JOB_TYPE", "train"),
        notes=notes,
        id=id_,  # a resumed run keeps its id
        resume="allow" if resumed and id_ and not offline else None,  # offline, both parts are uploaded later
        config=dict(settings) if settings else None,
        mode=None if offline is None else "offline" if offline else "online",
        settings=library.Settings(
            silent=True, console="off", finish_timeout=FINISH_SECONDS, finish_timeout_raises=True
        ),
    )
    run.define_metric("epoch", hidden=True)
    run.define_metric("pass", hidden=True)
    run.define_metric("*", step_metric="epoch")
    run.define_metric("prepare/*", step_metric="pass")
    return run


def log_sweep(logger: Tolerant, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Put the table of a sweep and a chart of the accuracies into the summary of its run."""
    import wandb as library

    table = library.Table(list(columns), list(map(list, rows)))
    chart = library.plot.bar(table, "configuration", "accuracy", title="Accuracy of each configuration, test clips")
    summary = {"sweep/configurations": len(rows), "sweep/runs": sum(row[columns.index("runs")] for row in rows)}
    logger.attempt(lambda opened: opened.summarize({"sweep/table": table, "sweep/accuracy": chart, **summary}))


def run_id(folder: Path) -> str:
    """The id of the run in a folder: the same if the run is resumed."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]


def _unless_set(variable: str, value: str | None) -> str | None:
    """The value, or None if the user has set wandb's variable, which wandb then reads."""
    return None if os.environ.get(variable) else value


def check(
    prefix: str,
    offline: bool | None,
    project: str | None,
    entity: str | None,
    tags: Sequence[str] | None,
    group: str | None,
    **_: Any,
) -> None:
    """Check the settings, and for a run online the API key, without the network. `prefix` is where they are in the config.

    Raises ValueError on a setting that wandb refuses, on a missing key, and on a key that cannot be one.
    """
    import wandb as library

    given = {"project": project, "run_tags": tuple(tags) if tags else None, "run_group": group}
    for name, value in given.items():
        try:
            if value is not None:
                library.Settings(**{name: value})  # type: ignore[arg-type]
        except (library.Error, ValueError) as error:
            key = f"{prefix}.{name.removeprefix('run_')}"
            text = list(value) if isinstance(value, tuple) else value
            raise ValueError(f"{key} is {text!r}: {_reason(error)}. Choose another name.") from error
    if entity is not None and (not entity or "/" in entity):
        raise ValueError(
            f"{prefix}.entity is {entity!r}: expected the name of a user or a team, without a slash. The project is a setting "
            f"of its own: {prefix}.project."
        )
    if offline or (offline is None and os.environ.get("WANDB_MODE") in ("offline", "disabled")):
        return
    online = f"{prefix}.offline is {'null' if offline is None else 'false'}"
    advice = f"Run `wandb login`, set WANDB_API_KEY, or set {prefix}.offline=true."
    try:
        library.setup(library.Settings(silent=True))
        has_key = library.login(prompt=False, verify=False)
    except (library.Error, ValueError) as error:
        reason = " ".join(str(error).partition("For further information")[0].split())
        raise ValueError(f"{online}, but wandb cannot log in: {reason} {advice}") from error
    finally:
        library.teardown()
    if not has_key:
        raise ValueError(f"{online}, but there is no API key of wandb. {advice}")


def _reason(error: Exception) -> str:
    """wandb's own sentence in an error, without the frame that the library pydantic adds to it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[-2] if len(lines) > 2 and "pydantic.dev" in lines[-1] else first_line(error)
    return text.strip().removeprefix("Value error, ").partition(" [type=")[0].rstrip(".")


@contextmanager
def own_folders(folder: Path) -> Iterator[None]:
    """Let wandb write only into `folder`/wandb. Variables that the user has set are kept."""
    own = {key: folder.resolve() / "wandb" / name for key, name in FOLDERS.items()}
    own = {key: path for key, path in own.items() if key not in os.environ}
    # The address of the user's own server, written by `wandb login`.
    if os.path.exists(os.path.expanduser("~/.config/wandb/settings")):
        own.pop("WANDB_CONFIG_DIR", None)
    os.environ.update({key: str(path) for key, path in own.items()})
    try:
        yield
    finally:
        for key in own:
            os.environ.pop(key, None)


def finish(logger: Tolerant, failed: bool = False) -> None:
    """End the wandb run, then the process that writes it: it would keep the environment of this run for the next one.

    `failed`: the training has ended with an error, so that wandb shows the run as failed.
    """
    import wandb as library
    from wandb.sdk.lib.module import unset_globals

    logger.attempt(lambda _: library.finish(exit_code=int(failed)))
    try:  # also after a failure
        library.teardown()
    except (Exception, SystemExit) as error:
        logger.fail(error)
    # After a failure, the run and its log file are still open, and the next job of a sweep would use them.
    unset_globals()  # type: ignore[no-untyped-call]
    log = logging.getLogger("wandb")
    for handler in [handler for handler in log.handlers if isinstance(handler, logging.FileHandler)]:
        log.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def tables(results: Results) -> dict[str, Any]:
    """The scores of each genre as a table and as bars, the confusion matrix, and the predictions of the test clips."""
    import wandb as library

    genre_rows = results.genre_rows()
    bars = library.Table(["genre", "recall"], [[row[0], row[1]] for row in genre_rows if row[1] is not None])
    if len(results.genres) <= MOST_MATRIX_GENRES:
        matrix: Any = library.plot.confusion_matrix(
            y_true=results.test.genre.tolist(),
            preds=results.predicted_K.tolist(),
            class_names=results.genres,
            title="Test clips",
        )
    else:  # as a table of the cells that are not 0
        matrix = library.Table(["genre", "predicted", "clips"], list(map(list, results.confusion_rows())))
    return {
        "test/genres": library.Table(list(GENRE_COLUMNS), list(map(list, genre_rows))),
        "test/recall": library.plot.bar(bars, "genre", "recall", title="Recall of each genre, test clips"),
        "test/confusion": matrix,
        "test/predictions": library.Table(list(CLIP_COLUMNS), list(map(list, results.clip_rows(MOST_CLIPS)))),
    }


def mistakes(results: Results) -> Any:
    """A table of the mistakes with the highest confidence, each with 10 s of its sound and a spectrogram."""
    import wandb as library

    table = library.Table([*CLIP_COLUMNS, "sound", "spectrogram"])
    rate = results.data.sample_rate
    for k, row in zip(results.mistakes, results.clip_rows(MOST_MISTAKES, mistakes_only=True), strict=False):
        samples_T = results.data.waveforms.samples(int(results.test.clip[k])).float() / 32768  # int16
        start = max(0, (len(samples_T) - EXCERPT_SECONDS * rate) // 2)
        excerpt_T = samples_T[start : start + EXCERPT_SECONDS * rate]
        table.add_data(*row, library.Audio(excerpt_T.numpy(), rate), library.Image(spectrogram(excerpt_T)))
    return table


def spectrogram(wave_T: torch.Tensor) -> Any:
    """Spectrogram as an image (F, N) in uint8, high frequencies on top: -80 dB is black, the maximum white."""
    padded_T = torch.nn.functional.pad(wave_T, (0, max(0, N_FFT - len(wave_T))))
    power_FN = torch.stft(padded_T, N_FFT, window=torch.hann_window(N_FFT), return_complex=True).abs() ** 2
    relative_FN = power_FN / power_FN.max().clamp(min=1e-10)  # 0 for silence
    level_FN = 10 * relative_FN.clamp(min=10 ** (-RANGE_DB / 10)).log10()
    return ((level_FN + RANGE_DB) / RANGE_DB * 255).round().byte().flip(0).numpy()
