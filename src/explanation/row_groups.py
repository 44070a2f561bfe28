"""Named groups of the rows of a feature: timbre, harmony, rhythm, level, and the networks whose embeddings are rows."""

from typing import NamedTuple, cast

from src import feature as features
from src.feature.feature import Feature
from src.pretrained import CORPORA, NETWORKS

TIMBRE, HARMONY, RHYTHM, LEVEL, SPECTRUM, OTHER = "timbre", "harmony", "rhythm", "level", "spectrum", "other"
ORDER = (TIMBRE, HARMONY, RHYTHM, LEVEL, SPECTRUM)
MUSICNN, EFFICIENTAT = "musicnn", "EfficientAT"
# A spectrogram has timbre, pitch, level and, along its frames, rhythm in the same rows, so it is a group of its own. A class of
# the user's names its group in the attribute `aspect`.
ASPECTS: dict[type[Feature], str] = {
    features.Autocorrelation: HARMONY,
    features.Centroid: TIMBRE,
    features.Chroma: HARMONY,
    features.Contrast: TIMBRE,
    features.Cqt: SPECTRUM,
    features.Energy: LEVEL,
    features.Flatness: TIMBRE,
    features.Mel: SPECTRUM,
    features.Mfcc: TIMBRE,
    features.Onset: RHYTHM,
    features.Rolloff: TIMBRE,
    features.SpectralMean: LEVEL,
    features.SpectralVariance: TIMBRE,
    features.Stft: SPECTRUM,
    features.Tempogram: RHYTHM,
    features.Waveform: SPECTRUM,
    features.ZeroCrossing: TIMBRE,
}


class RowGroup(NamedTuple):
    """A name and the indices of its rows."""

    name: str
    rows: tuple[int, ...]


class Labelled(NamedTuple):
    """Consecutive rows that belong to one aspect of music and to one part of a feature."""

    aspect: str
    part: str
    row_count: int


def aspects(feature: Feature) -> list[RowGroup]:
    """The rows of each aspect of music: timbre, harmony, rhythm and level first, then spectra, networks and others.

    The first coefficient of MFCC is the mean level of the mel bands, and SpectralMean that of the bins in dB: both are level.
    """
    groups = _grouped(feature, by="aspect")
    return sorted(groups, key=lambda group: ORDER.index(group.name) if group.name in ORDER else len(ORDER))


def parts(feature: Feature) -> list[RowGroup]:
    """The rows of each part of a feature, such as mfcc and chroma; a feature without parts is one group."""
    return _grouped(feature, by="part")


def _grouped(feature: Feature, by: str) -> list[RowGroup]:
    rows: dict[str, list[int]] = {}
    first = 0
    for each in labelled(feature):
        rows.setdefault(getattr(each, by), []).extend(range(first, first + each.row_count))
        first += each.row_count
    assert first == feature.rows, f"{first} rows are labelled, and the feature has {feature.rows}"
    return [RowGroup(name, tuple(indices)) for name, indices in rows.items()]


def labelled(feature: Feature, name: str = "") -> list[Labelled]:
    """The aspect and the part of all rows of a feature, in order. `name` is that of the part; by default, of the class."""
    part = name or type(feature).__name__.lower()
    if isinstance(feature, features.Combined):
        return [row for key, each in feature.parts.items() for row in labelled(cast(Feature, each), key)]
    if isinstance(feature, features.DeepClassic):
        classic = labelled(feature.classic)
        return [*labelled(feature.deep), *classic, *classic]  # means, then deviations
    if isinstance(feature, features.Pretrained):
        return [*labelled(feature.musicnn), *labelled(feature.efficientat)]
    if isinstance(feature, features.Musicnn):
        names = [f"{MUSICNN} {network}" for network in NETWORKS if CORPORA[network] in str(feature.pretrained)]
        return [Labelled(network, network, feature.rows // len(names)) for network in names]
    if isinstance(feature, features.Efficientat):
        return [Labelled(EFFICIENTAT, EFFICIENTAT, feature.rows)]
    if isinstance(feature, features.Mfcc):
        coefficients = feature.rows // (1 + feature.deltas)
        level, timbre = Labelled(LEVEL, part, 1), Labelled(TIMBRE, part, coefficients - 1)
        return [row for row in [level, timbre] * (1 + feature.deltas) if row.row_count]
    return [Labelled(_aspect(feature), part, feature.rows)]


def _aspect(feature: Feature) -> str:
    own = getattr(feature, "aspect", None)
    return str(own) if own else ASPECTS.get(type(feature), OTHER)
