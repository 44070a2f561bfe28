"""Genres as texts: a CLAP network compares a sound with a sentence for each genre, and nothing is trained.

B windows, E embedding, N pieces, C genres.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from src.classifier.classifier import Classifier
from src.feature.feature import Feature
from src.model.genre_table import letters
from src.model.tags import GTZAN
from src.normalization import Unchanged
from src.pretrained import audio_network

PREFIX = "clap:"  # of `predict --tagger clap:DIR`
PROMPT = "This audio is a {} song."


class ClapEmbedding(Feature):
    """The audio embedding of a CLAP network: wave (B, T) of at most `seconds` -> (B, E, 1), of length 1."""

    def __init__(self, network: audio_network.AudioNetwork) -> None:
        self.seconds, (_, rows) = network.longest_seconds, network.known_answer_LE.shape
        super().__init__(network.sample_rate, round(self.seconds * network.sample_rate), rows)
        self.audio_network = network.requires_grad_(False)

    def frames(self, samples: int) -> int:
        return 1

    def extract(self, wave_BT: Tensor) -> Tensor:
        return torch.cat([self.audio_network(wave_BT[k : k + 1]) for k in range(len(wave_BT))]).transpose(1, 2)


class Prompts(nn.Module):
    """Logits of genres: the cosine between the sound's embedding and that of each text, times a scale: (B, E, N) -> (B, C).

    The scale is the one that the network learned for its own probabilities. Averaged over the pieces.
    """

    checks_music = True  # each sound resembles one of the texts most, noise too

    text_CE: Tensor

    def __init__(self, text_CE: Tensor, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("text_CE", nn.functional.normalize(text_CE, dim=1))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        sound_BEN = nn.functional.normalize(feature_BFN, dim=1)
        return self.scale * torch.einsum("ben,ce->bcn", sound_BEN, self.text_CE).mean(dim=2)


def clap_tagger(name: str, genres: Sequence[str]) -> Classifier:
    """Build a classifier from the CLAP network `name`, a folder or an id, and any genres; ["gtzan"] are GTZAN's ten.

    Raises ValueError on fewer than two genres, on one that is named twice, and on a network that cannot be used.
    """
    chosen = list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    names = list(map(letters, chosen))
    duplicates = [genre for k, genre in enumerate(chosen) if names[k] in names[:k]]
    if duplicates or len(chosen) < 2:
        problem = f"names {', '.join(duplicates)} more than once" if duplicates else f"names {len(chosen)} genre"
        raise ValueError(
            f"--genres {problem}: expected two or more different genres, e.g. --genres 'bossa nova,drill,polka'."
        )
    loaded = audio_network.load(name)
    text_CE = audio_network.text_embeddings(loaded, [PROMPT.format(genre) for genre in chosen])
    model = Prompts(text_CE, float(loaded.model.logit_scale_a.detach().exp()))
    feature = ClapEmbedding(audio_network.AudioNetwork(loaded))
    return Classifier(feature, Unchanged(), model, chosen).eval()
