"""Changes that leave the genre as it is; drawn anew for each example, in training only."""

from src.augmentation.spectrogram import Spectrogram

__all__ = ["Spectrogram"]
