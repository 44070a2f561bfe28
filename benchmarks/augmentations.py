"""Picture of each augmentation on a mel spectrogram: `python -m benchmarks.augmentations [FILE]`.

Draws docs/augmentation.png from the first four seconds of FILE, or of a disco track of the synthetic corpus, which
needs no data. The settings are stronger than in training, so that the effects are visible; only the last panel uses the
settings of conf/augmentation.
"""

import argparse
import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from src import config as configs
from src.alteration.equalizer import equalize
from src.alteration.vocoder import bend
from src.audio import reader
from src.augmentation import Mixup, Spectrogram, Wave
from src.instantiate import instantiate_choice
from src.normalization import Standard

PICTURE = Path(__file__).parents[1] / "docs" / "augmentation.png"
SECONDS = 4.0
SEED = 19  # of the random draws: noise, masks, mixture, and everything in the last panel
TICKS_HZ = (200, 500, 1000, 2000, 4000, 8000)
STYLE: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.titlepad": 4}


def panels(wave_2T: Tensor, config: DictConfig) -> dict[str, Tensor]:
    """Compute the mel spectrograms (F, N) in dB, by title. wave (2, T): mixtures are of both clips, the rest of the first."""
    feature, full = instantiate_choice(config.feature), instantiate_choice(config.augmentation)
    normalization, target_22 = Standard(feature.rows), torch.eye(2)
    normalization.prepare([(feature(wave_2T), target_22)])

    def normalized(wave_BT: Tensor) -> Tensor:
        feature_BFN: Tensor = normalization(feature(wave_BT))
        return feature_BFN

    first_1T, feature_2FN = wave_2T[:1], normalized(wave_2T)
    noise = Wave(gain_db=0, polarity=0, noise=1, noise_snr_db=[15, 15], shift_share=0, filter=0, filter_db=0)
    knot_db_1K = torch.tensor([[0.0, 6.0, 0.0, -18.0, -18.0]])
    mixed_2FN, share_22 = Mixup(alpha=2.0)(feature_2FN, target_22)
    full_2FN, full_22 = full["mix"](full["feature"](normalized(full["wave"](wave_2T))), target_22)
    features = {
        "unchanged": feature_2FN,
        "gain: 15 dB quieter": normalized(first_1T * 10 ** (-15 / 20)),
        "noise: 15 dB below the music": normalized(noise(first_1T)),
        "filter: bass -18 dB, 3 kHz +6 dB": normalized(equalize(first_1T, knot_db_1K)),
        "shift: 0.5 s, rolled around": normalized(first_1T.roll(round(0.5 * feature.sample_rate), dims=1)),
        "pitch: +5 semitones": normalized(bend(first_1T, torch.tensor([1.0]), torch.tensor([5]))),
        "stretch: 0.8 times as fast": normalized(bend(first_1T, torch.tensor([0.8]), torch.tensor([0]))),
        "time masks: 2 of up to 20 %": Spectrogram(2, 0.2, 0.0)(feature_2FN),
        "frequency masks: 2 of up to 20 %": Spectrogram(2, 0.0, 0.2)(feature_2FN),
        "another clip": feature_2FN[1:],
        f"mixup: {100 * share_22[0, 0]:.0f} % first, {100 * share_22[0, 1]:.0f} % other clip": mixed_2FN,
        f"augmentation=full, {100 * full_22[0, 1]:.0f} % other clip": full_2FN,
    }
    # Back to dB, so that all panels share one scale; masked parts show the mean of their row.
    return {
        title: normalization.mean_F1 + normalization.deviation_F1 * feature_BFN[0]
        for title, feature_BFN in features.items()
    }


def draw(spectrograms: dict[str, Tensor], band_hz: Tensor) -> Figure:
    """Draw the panels, three in a row, on one colour scale: 60 dB, up to the loudest of the first panel."""
    top_db = float(spectrograms["unchanged"].quantile(0.998))
    figure = Figure(figsize=(9, 8.8), layout="constrained")
    grid = figure.subplots(len(spectrograms) // 3, 3, sharex=True, sharey=True)
    for axes, (title, level_FN) in zip(grid.flat, spectrograms.items(), strict=True):
        image = axes.imshow(
            level_FN,
            origin="lower",
            aspect="auto",
            extent=(0, SECONDS, -0.5, len(level_FN) - 0.5),
            cmap="magma",
            vmin=top_db - 60,
            vmax=top_db,
        )
        axes.set_title(title)
    axes.set_yticks(np.interp(TICKS_HZ, band_hz, np.arange(len(band_hz))), [f"{hz:,}" for hz in TICKS_HZ])
    for axes in grid[:, 0]:
        axes.set_ylabel("Hz")
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    figure.colorbar(image, ax=grid, aspect=60, pad=0.01, label="dB")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.augmentations", description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="an audio file to use instead of the synthetic corpus")
    file = parser.parse_args().file
    config = configs.compose("augmentation=full")
    clips = instantiate_choice(config.dataset).corpus().clips
    disco, classical = (next(clip.path for clip in clips if clip.genre == genre) for genre in ("disco", "classical"))
    rate = config.audio.sample_rate
    waves = [reader.read(path, rate, stop_seconds=SECONDS) for path in (file or disco, classical)]
    torch.manual_seed(SEED)
    spectrograms = panels(torch.from_numpy(np.stack(waves)), config)
    feature = instantiate_choice(config.feature)
    band_hz = feature.bands_FK.argmax(dim=1) * rate / config.audio.n_fft
    with matplotlib.rc_context(STYLE):
        draw(spectrograms, band_hz).savefig(png := io.BytesIO(), dpi=100)
    # A palette of 128 colours makes the file a third as large.
    palette = Image.open(png).convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE)
    palette.save(PICTURE, optimize=True)
    print(PICTURE)


if __name__ == "__main__":
    main()
