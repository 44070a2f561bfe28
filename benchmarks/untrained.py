"""Genres without training by one or both pretrained networks: `python -m benchmarks.untrained MANIFEST --weights FILE`.

MANIFEST lists clips with genre and artist. Both networks tag all clips once. For the genres of the manifest, and for random
lists of 4, 10 and 40 genres of the table that contain these, accuracy and the paired difference between networks are printed.
An answer is right if it is the genre of the clip or one below it in the tree. Then come the temperatures of both networks
together: each clip is scored with a temperature that is fitted on the clips of all other artists.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from src import config as configs
from src.audio import reader
from src.console import track
from src.dataset.manifest import Manifest
from src.inference.recognizer import Recognizer
from src.inference.windows import WindowBatch, windows
from src.metrics import calibration, intervals, scores
from src.model.genre_table import GenreTable
from src.model.tags import AUDIOSET, MUSICNN, Tags
from src.pretrained import files

MUSICNN_ALONE, EFFICIENTAT_ALONE, BOTH = "musicnn", "EfficientAT", "both"
LENGTHS, DRAWS = (4, 10, 40), 20
LARGEST_KNOWN_TO_BOTH = 10  # lists up to this length are drawn from musicnn's own


class Tagged(NamedTuple):
    """A clip with the rows of its windows, (S, F): of musicnn's windows of 3 s, and of both networks' windows of 10 s."""

    genre: str
    artist: str
    musicnn_SF: Tensor
    both_SF: Tensor


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.untrained", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", metavar="MANIFEST")
    parser.add_argument("--weights", required=True, metavar="FILE", help="EfficientAT's weights")
    options = parser.parse_args()
    recognizers = [Recognizer.pretrained(weights=w) for w in ("none", f"{files.EFFICIENTAT}:{options.weights}")]
    clips = Manifest(options.manifest).corpus().clips
    tagged = [
        Tagged(clip.genre, clip.artist or str(clip.path), *(rows(recognizer, clip.path) for recognizer in recognizers))
        for clip in track(clips, "Tagging", len(clips))
    ]
    features: list[Any] = [recognizer.classifier.feature for recognizer in recognizers]
    names = [feature.row_names for feature in features]
    artists = len({clip.artist for clip in tagged})
    print(
        f"{len(tagged)} clips of {artists} artists\n\n| genres | networks | accuracy % | against musicnn |\n|---|---|---:|---:|"
    )
    genres = sorted({clip.genre for clip in tagged})
    for lists in [[genres], *(draw(genres, length) for length in LENGTHS)]:
        accuracy_rows(lists, tagged, names)
    print(
        "\n| genres | T, all clips | T, cross-fitted | NLL, T = 1 | NLL | ECE %, T = 1 | ECE % |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    for length in LENGTHS:
        temperature_row(draw(genres, length), tagged, names[1])


@torch.inference_mode()
def rows(recognizer: Recognizer, path: Path) -> Tensor:
    """The rows of each window of a file, as `predict` cuts them: (S, F)."""
    parts = windows(reader.Stream(path, recognizer.sample_rate, None), recognizer.length)
    waves = [torch.from_numpy(part.wave).float() / 32767 for part in parts if isinstance(part, WindowBatch)]
    return torch.cat([recognizer.classifier.raw_feature(wave_ST).mean(dim=2) for wave_ST in waves])


def draw(genres: Sequence[str], length: int) -> list[list[str]]:
    """Lists of `length` genres with all of `genres` and others drawn from the table, or from musicnn's own list."""
    known = list(MUSICNN) if length <= LARGEST_KNOWN_TO_BOTH else list(configs.compose("experiment=tags").model.table)
    others = [name for name in known if name not in genres]
    random = np.random.default_rng(length)
    return [[*genres, *random.permutation(others)[: length - len(genres)].tolist()] for _ in range(DRAWS)]


def log_probabilities(genres: Sequence[str], clips: Sequence[Tagged], names: Sequence[str], network: str) -> Tensor:
    """Log-probabilities of the genres for each clip by the rule of model=tags, with a temperature of 1: (K, C)."""
    config = configs.compose("experiment=tags")
    chosen = [k for k, name in enumerate(names) if network != EFFICIENTAT_ALONE or name.startswith(f"{AUDIOSET}/")]
    table = configs.resolved(config)["model"]["table"]
    model = Tags(table, 0.2, genre_names=genres, row_names=[names[k] for k in chosen], normalized=False)
    logits = [
        model((clip.musicnn_SF if network == MUSICNN_ALONE else clip.both_SF)[:, chosen, None]).double().mean(dim=0)
        for clip in clips
    ]
    return torch.stack(logits).log_softmax(dim=1)


def right_genres(genres: Sequence[str], clips: Sequence[Tagged]) -> NDArray[np.bool_]:
    """Mark the genres that are correct for each clip, its own and those below it: (K, C)."""
    table = GenreTable(configs.resolved(configs.compose("experiment=tags"))["model"]["table"])
    below = {
        genre: [table.key(genre) in (key, *table.genres[key].above) for key in map(table.key, genres)]
        for genre in genres
    }
    return np.array([below[clip.genre] for clip in clips])


def accuracy_rows(lists: Sequence[Sequence[str]], clips: Sequence[Tagged], names: Sequence[Sequence[str]]) -> None:
    """Print the accuracy of each network, averaged over the lists, and its difference from musicnn's."""
    artists, correct = [clip.artist for clip in clips], {}
    for network in (MUSICNN_ALONE, EFFICIENTAT_ALONE, BOTH):
        by_list = []
        for genres in lists:
            log_KC = log_probabilities(genres, clips, names[network != MUSICNN_ALONE], network)
            by_list.append(right_genres(genres, clips)[np.arange(len(clips)), log_KC.argmax(dim=1).numpy()])
        correct[network] = np.mean(by_list, axis=0)
        accuracy = 100 * correct[network].mean()
        low, high = (100 * end for end in intervals.bootstrap_by_cluster(correct[network], artists))
        cells = f"{accuracy:.1f} ({low:.1f} to {high:.1f})"
        difference, low, high = (
            100 * each for each in intervals.paired_difference(correct[network], correct[MUSICNN_ALONE], artists)
        )
        against = "" if network == MUSICNN_ALONE else f"{difference:+.1f} ({low:+.1f} to {high:+.1f})"
        lists_text = ", ".join(lists[0]) if len(lists) == 1 else f"{len(lists)} lists of {len(lists[0])}"
        print(f"| {lists_text} | {network} | {cells} | {against} |", flush=True)


def fit(log_LKC: Tensor, right_LKC: Tensor) -> float:
    """The temperature with the lowest NLL over L lists and K clips, with the prior of `metrics.calibration.temperature`."""

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        prior = calibration.PRIOR_WEIGHT * (1 / temperature - 1 + log_temperature)
        return float(nll(log_LKC, right_LKC, temperature).mean(dim=0).sum()) + float(prior)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def nll(log_LKC: Tensor, right_LKC: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
    """Negative log of the summed probability of the right answers, (L, K)."""
    scaled_LKC = (log_LKC / temperature).log_softmax(dim=2)
    return -scaled_LKC.masked_fill(~right_LKC, -torch.inf).logsumexp(dim=2)


def temperature_row(lists: Sequence[Sequence[str]], clips: Sequence[Tagged], names: Sequence[str]) -> None:
    """Print the temperature for lists of one length, and the scores that cross-fitted temperatures give."""
    log_LKC = torch.stack([log_probabilities(genres, clips, names, BOTH) for genres in lists])
    right_LKC = torch.from_numpy(np.stack([right_genres(genres, clips) for genres in lists]))
    artists = np.array([clip.artist for clip in clips])
    fitted = {
        artist: fit(log_LKC[:, artists != artist], right_LKC[:, artists != artist]) for artist in sorted(set(artists))
    }
    cross_fitted_K1 = torch.tensor([[fitted[artist]] for artist in artists])
    cells = []
    for temperature in (1.0, cross_fitted_K1):
        probability_LKC = (log_LKC / temperature).softmax(dim=2)
        confidence_LK, best_LK = probability_LKC.max(dim=2)
        correct_LK = right_LKC.gather(2, best_LK[:, :, None])[:, :, 0]
        bins = scores.reliability(confidence_LK.flatten(), correct_LK.flatten())
        ece = sum(abs(each.correct - each.clips * each.mean_probability) for each in bins) / confidence_LK.numel()
        cells.append((f"{float(nll(log_LKC, right_LKC, temperature).mean()):.2f}", f"{100 * ece:.1f}"))
    (nll_1, ece_1), (nll_fitted, ece_fitted) = cells
    fits = f"{fit(log_LKC, right_LKC):.2f} | {min(fitted.values()):.2f} to {max(fitted.values()):.2f}"
    print(
        f"| {len(lists)} lists of {len(lists[0])} | {fits} | {nll_1} | {nll_fitted} | {ece_1} | {ece_fitted} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
