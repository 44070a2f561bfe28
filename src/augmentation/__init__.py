"""Data augmentation: random changes that keep or mix genres, drawn again for each example, in training only."""

from src.augmentation.mixup import Mixup, Unmixed
from src.augmentation.spectrogram import Spectrogram
from src.augmentation.wave import Wave

__all__ = ["Mixup", "Spectrogram", "Unmixed", "Wave"]
