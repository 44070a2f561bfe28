"""Data augmentation: random changes of training examples that preserve their genre, or mix two; drawn anew for each."""

from src.augmentation.mixup import Mixup, Unmixed
from src.augmentation.spectrogram import Spectrogram
from src.augmentation.wave import Wave

__all__ = ["Mixup", "Spectrogram", "Unmixed", "Wave"]
