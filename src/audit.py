"""Audit a data set before training: `python -m src.audit dataset=... [split=...]`. See also `--help`."""

import base64
import contextlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from src import config as configs
from src import console, errors, plain_files
from src.clip import describe_left_out
from src.rundir.folder import lock, remove_if_empty
from src.settings.check import check_job_config

if TYPE_CHECKING:
    from torch import Tensor

    from src.clip import Clip, Corpus, describe_left_out
    from src.reporting.audit_page import Place

JSON, PAGE, EXCLUDE = "audit.json", "audit.html", "exclude.txt"
MOST_ROWS = 12  # the terminal shows at most this many rows of a table
MOST_PLAYERS, PLAYER_SECONDS, PLAYER_RATE = 80, 8.0, 22050  # PLAYER_RATE is in Hz; a player adds 40 kB to the page
LOCK = ".audit.lock"
COULD_NOT_RUN = 2  # exit status


@hydra.main(version_base="1.3", config_path=str(configs.CONF), config_name="audit")
def main(config: DictConfig) -> None:
    """Run the audit and exit: 0 without findings, 1 with findings, 2 if the audit could not run, 130 if interrupted."""
    folder = console.relative_path(Path(HydraConfig.get().runtime.output_dir))
    try:
        check_job_config(config)  # before anything heavy is imported: a wrong setting is answered at once
        with lock(folder, "auditing", LOCK):
            has_findings = audit(config, folder)
    except KeyboardInterrupt:
        console.note("Interrupted. The measures so far are cached: the same command resumes from there.")
        sys.exit(130)
    except Exception as error:
        errors.show(error, "audit")
        sys.exit(COULD_NOT_RUN)
    finally:
        remove_if_empty(folder)
    sys.exit(1 if has_findings else 0)


def audit(config: DictConfig, folder: Path) -> bool:
    """Measure every clip, print the findings, and return True if there are any.

    Writes audit.json, exclude.txt and audit.html into `folder`, and caches measures and embeddings in `data.cache`.
    """
    # Imported here, so that --help does not wait for torch.
    from src.instantiate import instantiate_choice
    from src.quality import inspection, label_errors, measure_cache
    from src.reporting import audit_page
    from src.reporting.render import save

    corpus: Corpus = instantiate_choice(config.dataset).corpus()
    cache = Path(config.data.cache)
    console.note(f"{corpus.name}: {len(corpus.clips)} clips of {len(corpus.genres)} genres")
    for line in describe_left_out(corpus.excluded):
        console.note(f"Left out: {line}")
    results = measure_cache.measure_clips(corpus.clips, cache, config.data.max_seconds)
    content = inspection.inspect(corpus, results, instantiate_choice(config.split), config.data.crop_seconds)
    if config.labels:
        try:
            clips, embedding_KE = embeddings(config)
            labels = label_errors.suspect_labels(clips, embedding_KE, config.labels_by, config.seed)
            content = inspection.with_label_errors(content, labels, config.labels_by)
        except ValueError as error:  # report the other findings all the same
            content["notes"].append(f"Labels could not be checked: {error}")

    command = shlex.join(["python", "-m", "src.audit", *HydraConfig.get().overrides.task])
    plain_files.write_json(folder / JSON, {**content, "command": command}, indent=1)
    plain_files.write_text(folder / EXCLUDE, "\n".join(inspection.exclude_lines(content)) + "\n")
    players = _players(corpus, audit_page.player_places(content))
    page = save(folder / PAGE, audit_page.html(content, players, command))
    findings = audit_page.findings(content)
    _show(content, findings)
    console.line(
        f"{page} has all findings, with players. Read {folder / EXCLUDE} before you use it as dataset.exclude."
    )
    return bool(findings)


def embeddings(config: DictConfig) -> "tuple[list[Clip], Tensor]":
    """The usable clips and their embeddings (K, E), means over the segments and frames of a clip; by musicnn by default.

    Computes the embeddings on the GPU if there is one, and caches them.
    """
    import torch

    from src.classifier import weights
    from src.instantiate import instantiate_choice
    from src.training import setup

    weights.record_digests(config)  # the content of the file, not its path, decides which embeddings are cached
    data = setup.compose_data(config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    values = setup.cached_feature(config, data, instantiate_choice(config.feature), device)
    return list(data.clips), torch.stack([values[k].mean(dim=(0, 2)) for k in range(len(data.clips))])


def _players(corpus: "Corpus", places: "Sequence[Place]") -> "dict[Place, str]":
    """Encode the first MOST_PLAYERS places as MP3 in data: URLs; places that cannot be decoded are left out."""
    from src.audio import reader
    from src.audio.decoders import encode_mp3

    clip_by_name = {clip.name: clip for clip in corpus.clips}
    players = {}
    first = places[:MOST_PLAYERS]
    for name, second in console.track(first, "Players for the page", len(first)) if first else ():
        clip = clip_by_name[name]
        stop = min(second + PLAYER_SECONDS, clip.stop_seconds or float("inf"))
        with contextlib.suppress(reader.AudioError):  # a damaged file may end before the place
            wave_T = reader.read(clip.path, PLAYER_RATE, second, stop)
            players[name, second] = (
                "data:audio/mpeg;base64," + base64.b64encode(encode_mp3(wave_T, PLAYER_RATE)).decode()
            )
    return players


def _show(content: Mapping[str, Any], findings: list[str]) -> None:
    """Print the tables and sentences to standard output."""
    from rich.markup import escape
    from rich.table import Table

    from src.reporting import audit_page

    stdout = console.SafeConsole()
    for title, headings, rows in audit_page.tables(content):
        table = Table(title=title, title_justify="left")
        for heading in headings:
            table.add_column(heading, overflow="fold", no_wrap=heading not in audit_page.WRAPPED_COLUMNS)
        for row in rows[:MOST_ROWS]:
            table.add_row(*map(escape, row))
        if len(rows) > MOST_ROWS:
            table.caption = f"{len(rows) - MOST_ROWS} more in {JSON}"
        stdout.print(table)
    for sentence in findings:
        stdout.print(f"- {sentence}", markup=False, highlight=False)
    for sentence in [*audit_page.remarks(content), *audit_page.people_lines(content)]:
        stdout.print(f"  {sentence}", markup=False, highlight=False)
    if not findings:
        print("Nothing was found.")


if __name__ == "__main__":
    errors.run(main, "audit", failure_status=COULD_NOT_RUN)
