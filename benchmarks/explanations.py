"""Check explanations where the truth is known, and measure their speed.

`python -m benchmarks.explanations truth RUN` explains test clips of a run on the two genres of `benchmarks.known_truth`, which differ
in the drum pattern only. The stems lie where that program wrote them. In a bin where the drums are louder than the rest, the map should have
more than its share of the positive relevance: more than of the energy, of the area, and than with random weights, which
show what the method alone does. Signed, the relevance of integrated gradients sums to the score minus that of the baseline.

`python -m benchmarks.explanations speed RUN AUDIO` times one explanation, with everything that the page shows of a sound.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from src.audio.reader import AudioError
from src.clip import Clip
from src.console import Parser, track
from src.explanation import faithfulness
from src.explanation.clips import test_clips
from src.explanation.explain import explain
from src.explanation.feature_map import FeatureMap, feature_map, row_hz, score
from src.explanation.maps import METHODS, relevance_of, smooth
from src.explanation.model import ExplainedModel, ExplainedSound
from src.judging.judged_data import Request
from src.metrics.intervals import bootstrap_by_cluster

STEMS = ("drums", "rest")  # the folders beside mix/
TRAINED, RANDOM_WEIGHTS = "trained", "random weights"  # the networks whose maps are compared
SECONDS, REPEATS = 30.0, 3


class OnDrums(NamedTuple):
    """Of one sound, what lies on the drum-dominated bins: shares of the positive relevance, of energy and of area.

    `net` is the sum of the relevance on them, `total` on all bins: in nats for integrated gradients.
    """

    share: float
    energy: float
    area: float
    net: float
    total: float


def on_drums(
    model: ExplainedModel, sound: ExplainedSound, dominated_FN: NDArray[np.bool_], method: str, network: Any
) -> OnDrums:
    """Measure the map of one sound by a method; `network` is the trained one, or a copy with random weights."""
    genre = int(sound.probability_C.argmax())
    inputs = feature_map(model, sound, network)
    raw_FN = inputs.whole(relevance_of(model, inputs, genre, method, network).relevance_SFN)
    power_FN = 10 ** (inputs.whole(inputs.value_SFN, mean=True) / 10)
    positive_FN = np.maximum(smooth(raw_FN, model), 0)
    share, energy = (float(each[dominated_FN].sum() / each.sum()) for each in (positive_FN, power_FN))
    return OnDrums(share, energy, float(dominated_FN.mean()), float(raw_FN[dominated_FN].sum()), float(raw_FN.sum()))


def stems_of(model: ExplainedModel, clip: Clip, max_seconds: float | None) -> list[ExplainedSound]:
    """The drums of a clip, and the rest. Raises ValueError if they do not lie beside it."""
    paths = [Path(*(stem if part == "mix" else part for part in clip.path.parts)) for stem in STEMS]
    if "mix" not in clip.path.parts or not all(path.is_file() for path in paths):
        raise ValueError(f"{clip.path} has no stems beside it: expected a run on a corpus of benchmarks.known_truth.")
    return [model.read(Clip(clip.name, path, clip.genre), max_seconds) for path in paths]


def score_of(inputs: FeatureMap, feature_SFN: Any, genre: int) -> float:
    """The score of a genre for a feature, in nats."""
    with torch.no_grad():
        return float(score(inputs.network(feature_SFN), genre).mean())


class Truth(NamedTuple):
    """Measures of the drums in the maps of K test clips, by method and network, "trained" or "random weights".

    `score_KS` has the scores of the predicted genre in nats: for the clip, its drums alone, the rest alone, and the clip with the
    baseline on the bins of the drums.
    """

    artists: list[str]
    found: dict[tuple[str, str], list[OnDrums]]
    score_KS: NDArray[np.float64]

    def ratios(self, method: str, network: str) -> dict[str, tuple[float, float, float]]:
        """The mean share of the relevance over that of the energy, of the area, and over that with random weights, with interval."""
        own = self.found[method, network]
        share_K = np.array([each.share for each in own])
        others = {
            "energy": [each.energy for each in own],
            "area": [each.area for each in own],
            "random": [each.share for each in self.found[method, RANDOM_WEIGHTS]],
        }
        return {
            name: (float(np.mean(share_K / other)), *bootstrap_by_cluster(share_K / other, self.artists))
            for name, other in others.items()
        }


def measure_truth(run: Path, clips: int, methods: Sequence[str]) -> Truth:
    """Explain test clips of a run by some methods. Raises ValueError if the feature has no frequency axis."""
    model = ExplainedModel(run)
    if row_hz(model.feature) is None:
        raise ValueError(f"{run} has a feature without a frequency axis: expected mel, stft or cqt.")
    chosen, max_seconds, _ = test_clips(model.run, Request(), clips)
    trained: Any = model.classifier.model
    networks = {TRAINED: trained, RANDOM_WEIGHTS: faithfulness.random_network(trained)}
    found: dict[tuple[str, str], list[OnDrums]] = {}
    scores: list[list[float]] = []
    for clip in track(chosen, "Explaining", len(chosen)):
        sound = model.read(clip, max_seconds)
        inputs, stems = feature_map(model, sound), stems_of(model, clip, max_seconds)
        levels = [inputs.whole(stem.feature_SFN, mean=True) for stem in stems]
        dominated_FN = np.asarray(levels[0] > levels[1])  # the drums are louder than the rest
        genre = int(sound.probability_C.argmax())
        drums_SFN = inputs.windows(torch.from_numpy(dominated_FN.astype(np.float32))) > 0
        without_SFN = torch.where(drums_SFN, inputs.baseline_SFN, inputs.value_SFN)
        features = (inputs.value_SFN, *(stem.feature_SFN for stem in stems), without_SFN)
        scores.append([score_of(inputs, each, genre) for each in features])
        for method in methods:
            for name, network in networks.items():
                found.setdefault((method, name), []).append(on_drums(model, sound, dominated_FN, method, network))
    return Truth([clip.artist or clip.name for clip in chosen], found, np.array(scores))


def print_truth(truth: Truth) -> None:
    """Print the ratios of shares, each with its interval over artists."""
    clips = len(truth.artists)
    print(f"{clips} test clips of {len(set(truth.artists))} artists; synthetic music")
    print("| method | model | positive relevance on drum bins | over energy | over area | over random weights |")
    print("|---|---|---|---|---|---|")
    for (method, name), rows in truth.found.items():
        cells = [f"{100 * np.mean([each.share for each in rows]):.1f} %"]
        for other, ratio in truth.ratios(method, name).items():
            own = (name, other) == (RANDOM_WEIGHTS, "random")
            cells.append("" if own else "{:.2f} ({:.2f} to {:.2f})".format(*ratio))
        print(f"| {method} | {name} | {' | '.join(cells)} |")
    rows = next(iter(truth.found.values()))
    energy, area = (100 * np.mean([getattr(each, key) for each in rows]) for key in ("energy", "area"))
    print(f"Bins where the drums are louder have {energy:.1f} % of the energy and {area:.1f} % of the area.")
    if signed := truth.found.get(("integrated_gradients", TRAINED)):
        net, total = (np.mean([getattr(each, key) for each in signed]) for key in ("net", "total"))
        print(f"Integrated gradients: {net:.2f} of the {total:.2f} nats from the baseline to the clips lie on them.")
    whole, drums, rest, without = truth.score_KS.mean(axis=0)
    print(
        f"Mean score of the predicted genre in nats: the clips {whole:.2f}, their drums alone {drums:.2f}, the rest alone {rest:.2f}, the "
        f"clips with the bins where the drums are louder replaced by the baseline {without:.2f}."
    )


def speed(run: Path, audio: Path, method: str) -> None:
    """Print the seconds that one explanation takes, the fastest of REPEATS, and those of loading the run."""
    threads = torch.get_num_threads()
    start = time.perf_counter()
    model = ExplainedModel(run)
    loaded = time.perf_counter() - start
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        sound = model.read(Clip(audio.name, audio, ""), SECONDS)
        explain(model, sound, [method])
        times.append(time.perf_counter() - start)
    seconds = len(sound.wave_T) / model.recognizer.sample_rate
    print(
        f"{method}, {seconds:.0f} s of sound, {threads} threads: {min(times):.1f} s "
        f"({', '.join(f'{each:.1f}' for each in times)}); loading the run {loaded:.1f} s"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two measurements -> exit status."""
    parser = Parser(
        prog="python -m benchmarks.explanations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measurement", choices=("truth", "speed"))
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("sound", type=Path, metavar="AUDIO", nargs="?", help="with speed: a file of 30 s")
    parser.add_argument("--clips", type=int, default=64, metavar="N", help="with truth (default: %(default)s)")
    parser.add_argument("--method", action="append", choices=METHODS, help="may be repeated (default: the first)")
    options = parser.parse_args(arguments)
    methods = options.method or [METHODS[0]]
    if (options.measurement == "speed") != (options.sound is not None):
        parser.error("speed needs an audio file, truth needs none.")
    try:
        if options.measurement == "truth":
            print_truth(measure_truth(options.run, options.clips, methods))
        else:
            speed(options.run, options.sound, methods[0])
    except (ValueError, OSError, AudioError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
