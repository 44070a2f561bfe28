"""Train one experiment and judge it: `python -m src.train model=hybrid`. `--help` lists the choices."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from src import config as configs
from src import console, errors
from src.sweep.jobs import Outcome

if TYPE_CHECKING:
    from src.data.datamodule import GenreData


@hydra.main(version_base="1.3", config_path=str(configs.CONF), config_name="train")
def main(config: DictConfig) -> Outcome:
    """One job: a run of its own, or one of a sweep, whose other jobs go on where this one fails."""
    from src import rundir  # here, since --help and --cfg shall not wait for torch
    from src.training import run_writer  # here, since --help and --cfg shall not wait for torch

    folder = console.short(Path(HydraConfig.get().runtime.output_dir))
    sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        return Outcome(train(config, folder), f1_macro=rundir.RunDir(folder).metrics["val"]["f1_macro"])
    except KeyboardInterrupt:
        how = "the same command goes on." if sweep else f"to go on: {configs.command(folder)}"
        console.note(f"Interrupted. What is finished is kept; {how}")
        sys.exit(130)
    except Exception as error:
        errors.show(error, "train")
        run_writer.discard(folder)
        if sweep:
            return Outcome("failed", errors.explain(error))
        sys.exit(1)


def train(config: DictConfig, folder: Path) -> str:
    """Prepare the data, train, calibrate the best epoch, judge it on the test clips, and write the run directory.

    Says whether the run was "run" from its beginning, "resumed", or "skipped", as the directory holds it, finished.
    """
    from src import formatting, rundir
    from src.instantiate import choose, supply
    from src.reporting import run_page
    from src.reporting.genre_table import genre_table
    from src.rundir import provenance
    from src.sweep import processes
    from src.training import loggers, run_writer, setup
    from src.training.callbacks import Bar, History
    from src.training.module import gather

    processes.check_working_folder(HydraConfig.get().runtime.cwd)
    configs.check(config)
    setup.rehearse(config)
    settings = configs.resolved(config)
    sweep = folder.parent.name if HydraConfig.get().mode == RunMode.MULTIRUN else None

    # A sweep's job that another process trains still, as after a kill, is waited for, and then taken as it is.
    with run_writer.lock(folder, wait=sweep is not None):
        data = setup.compose_data(config)
        announce(data)
        environment = provenance.environment(settings, folder, data.digest)
        done = run_writer.state(folder, settings, data, environment)
        if done == "all":
            page = folder / rundir.REPORT if (folder / rundir.REPORT).exists() else run_page.write(folder)
            print(f"{folder} holds this very run, finished: see {page}")
            return "skipped"
        if done == "nothing":
            run_writer.start(folder, settings, data, environment)

        module = setup.build(config, data.genres, data.counts)
        for said in module.notes:
            console.note(f"Note: {said}")
        history = History(folder / rundir.HISTORY)
        facts = {"folder": folder, "name": folder.name, "group": sweep, "settings": settings}
        logger = supply(choose(config.logger), **facts)
        epochs = {} if module.trained else {"max_epochs": 0}  # what is fitted is fitted before the first epoch
        trainer = choose(config.trainer)(folder=folder, logger=logger, callbacks=[history, Bar()], **epochs)
        setup.keep(config, data, module, trainer.strategy.root_device)
        try:
            try:
                trainer.fit(module, data, ckpt_path=folder / rundir.LAST if done == "half" else None)
            except SystemExit:  # Lightning's answer to Ctrl-C
                raise KeyboardInterrupt from None
            seconds = round(history.seconds, 3)
            if not module.trained:
                trainer.save_checkpoint(folder / rundir.BEST)
            kept = setup.restore(module, folder / rundir.BEST)
            val, test = (gather(answers) for answers in trainer.predict(module, data))
            temperature = module.calibrate(val)
            run_writer.keep_calibration(folder, module)
            sides = {
                "val": run_writer.scores(val, temperature, data),
                "test": run_writer.scores(test, temperature, data),
            }
            loggers.show_scores(trainer.loggers, sides, test.logits.argmax(dim=1), test.genre, data.genres)
        finally:
            loggers.close(trainer.loggers)

        certificate = setup.certificate(data, module)
        content = {
            **sides,
            "temperature": temperature,
            "train_seconds": seconds,
            "epochs": len(history.rows),
            "best_epoch": kept if module.trained else None,
            "parameters": sum(p.numel() for p in module.parameters()),
            "passes": module.passes,
            "certificate": certificate,
            "dataset": data.corpus.name,
            "synthetic": data.corpus.synthetic,
            "identity": environment["identity"],
        }
        run_writer.finish(folder, test.at(temperature), data, content)
        run_page.write(folder)
        title = "{model} on {feature}, test clips".format(**configs.choices())
        console.result(
            genre_table(sides["test"], title, data.corpus.name, formatting.split(certificate), data.corpus.synthetic)
        )
        print(f"{folder}: the report is {folder / rundir.REPORT}")
        return "resumed" if done == "half" else "run"


def announce(data: "GenreData") -> None:
    """Say, on standard error, what is learned from, how it was split, and what was left out and why."""
    from src import formatting

    certificate = data.certificate
    lines = [f"{data.corpus.name}: {len(data.clips)} clips of {len(data.genres)} genres ({', '.join(data.genres)})"]
    lines += ["The music is synthetic: scores on it say nothing of real recordings."] if data.corpus.synthetic else []
    lines += [f"Split: {formatting.split(certificate)}"]
    lines += [
        f"  {side}: {formatting.size(size)}, {size['tracks']} tracks" for side, size in certificate["sides"].items()
    ]
    lines += [f"Note: {note}" for note in [*data.corpus.notes, *certificate["warnings"]]]
    if data.short:
        lines.append(
            f"Note: {data.short} clips are shorter than a crop ({data.crop_length / data.sample_rate:g} s) and are repeated to fill it."
        )
    lines += [f"Left out: {left.clip}: {left.reason}" for left in data.excluded[:10]]
    if len(data.excluded) > 10:
        lines.append(f"Left out: {len(data.excluded) - 10} more, see excluded.csv")
    for line in lines:
        console.note(line)


if __name__ == "__main__":
    errors.run(main, "train")
