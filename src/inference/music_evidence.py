"""Check whether windows of a sound are music, by tags or by the signal."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from src.inference import music_check
from src.model.tags import AUDIOSET, Tags

MUSIC = f"{AUDIOSET}/Music"
# AudioSet's classes are listed by branch. Those of two branches do not count as other sounds: from Music to Scary music (genres,
# instruments, moods), and from Singing to Humming. All others, such as Speech, Noise and Silence, do.
MUSIC_BRANCHES = (("Music", "Scary music"), ("Singing", "Humming"))
# Expected number of musicnn's 100 tags. 95 % of recorded speech, English and Italian, has fewer; of the recordings, 2 %
# of the parts of 9 s have: docs/results.md.
LEAST_TAGS = 3.3


class MusicEvidence(NamedTuple):
    """Evidence for S windows: `strength_S` is 0 or more for music; `spectrum` is for the check of the signal, None without it."""

    strength_S: Tensor | None
    spectrum: music_check.Spectrum | None

    def of(self, windows: Sequence[int]) -> "MusicEvidence":
        """The evidence of some windows."""
        strength_S, spectrum = self
        return MusicEvidence(
            None if strength_S is None else strength_S[windows],
            None if spectrum is None else music_check.Spectrum(*(tensor[windows] for tensor in spectrum)),
        )

    def is_music(self, seconds: float) -> bool:
        """False if the windows, in a part of a sound that lasts `seconds`, are not music. Below 1 s, only silence is not."""
        if self.spectrum is not None and not music_check.is_music(self.spectrum, seconds):
            return False
        return self.strength_S is None or seconds < music_check.LEAST_SECONDS or float(self.strength_S.mean()) >= 0


def measure(wave_ST: Tensor, feature_SFN: Tensor, feature: nn.Module, model: nn.Module) -> MusicEvidence:
    """Measure the evidence of windows (S, T) with their tags (S, F, N).

    With AudioSet's classes, the strength is the log-odds of Music minus those of the most probable class of other sounds.
    With the tags of both networks of musicnn alone, it is the expected number of tags that apply, which is low for speech and most
    noise, minus LEAST_TAGS; and the signal is checked. Both are means over the patches of a window. With another model,
    only the signal is checked.
    """
    if isinstance(model, Tags) and MUSIC in model.rows:
        others = [model.rows[name] for name in _other_sounds(tuple(model.rows))]
        row_SF = feature_SFN.mean(dim=2)
        return MusicEvidence((row_SF[:, model.rows[MUSIC]] - row_SF[:, others].amax(dim=1)).cpu(), None)
    sample_rate: Any = feature.sample_rate
    spectrum = music_check.spectrum(wave_ST, sample_rate)
    if not isinstance(model, Tags) or len(model.networks) < 2:  # the limit is for the tags of two networks
        return MusicEvidence(None, spectrum)
    mean_F: Any = feature.mean_logits
    expected_S = (feature_SFN + mean_F[:, None]).sigmoid().sum(dim=1).mean(dim=1)
    return MusicEvidence(expected_S.cpu() - LEAST_TAGS, spectrum)


def join(batches: Sequence[MusicEvidence]) -> MusicEvidence:
    """Join the evidence of batches of windows."""
    strengths = [each.strength_S for each in batches if each.strength_S is not None]
    spectra = [each.spectrum for each in batches if each.spectrum is not None]
    return MusicEvidence(torch.cat(strengths) if strengths else None, music_check.join(spectra) if spectra else None)


@cache
def _other_sounds(rows: tuple[str, ...]) -> tuple[str, ...]:
    """The names of AudioSet's classes outside the branches of music, from the names of all rows in order."""
    names = [name for name in rows if name.startswith(f"{AUDIOSET}/")]
    ranges = [[names.index(f"{AUDIOSET}/{end}") for end in ends] for ends in MUSIC_BRANCHES]
    music = {name for first, last in ranges for name in names[first : last + 1]}
    return tuple(name for name in names if name not in music)
