"""Features: wave (B, T) -> feature (B, F, N). One class per file, named after its choice: feature=mel is Mel."""

from src.feature.autocorrelation import Autocorrelation
from src.feature.centroid import Centroid
from src.feature.chroma import Chroma
from src.feature.combined import Combined
from src.feature.contrast import Contrast
from src.feature.cqt import Cqt
from src.feature.deep_classic import DeepClassic
from src.feature.efficientat import Efficientat
from src.feature.energy import Energy
from src.feature.flatness import Flatness
from src.feature.mel import Mel
from src.feature.mfcc import Mfcc
from src.feature.musicnn import Musicnn
from src.feature.onset import Onset
from src.feature.pretrained import Pretrained
from src.feature.rolloff import Rolloff
from src.feature.spectral_mean import SpectralMean
from src.feature.spectral_variance import SpectralVariance
from src.feature.stft import Stft
from src.feature.tempogram import Tempogram
from src.feature.transformers import Transformers
from src.feature.waveform import Waveform
from src.feature.zero_crossing import ZeroCrossing

__all__ = [
    "Autocorrelation",
    "Centroid",
    "Chroma",
    "Combined",
    "Contrast",
    "Cqt",
    "DeepClassic",
    "Efficientat",
    "Energy",
    "Flatness",
    "Mel",
    "Mfcc",
    "Musicnn",
    "Onset",
    "Pretrained",
    "Rolloff",
    "SpectralMean",
    "SpectralVariance",
    "Stft",
    "Tempogram",
    "Transformers",
    "Waveform",
    "ZeroCrossing",
]
