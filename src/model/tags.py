"""Genres read off the tags of a pretrained network, by a written table: nothing is learned here."""

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
RARE = -13.8  # nats: what no tag covers gets one in a million


class Tags(nn.Module):
    """Log-odds of tags above the usual (B, F, N), as feature=musicnn feature.layer=tags gives them -> logits (B, C).

    A genre's evidence is, in each network, the largest of its tags'; then the mean over the networks that have any. Since
    every tag is measured from the average song of its network's training, in nats, tags of both networks share one scale,
    and common ones such as rock have no advantage over rare ones. `a + b` in the table is both tags together, the mean of
    the two. A tag that is the name of another genre that is asked for counts for that one only. Genres' names
    are compared by their letters: hip-hop is Hip Hop is hiphop. A genre that no tag covers is never the answer.

    The probabilities are uncalibrated; where the largest is below `unsure_below`, the answer is better called unsure.
    Raises ValueError on a feature that is not made of tags, or is normalized.
    """

    def __init__(
        self,
        table: Mapping[str, Sequence[str]],
        unsure_below: float,
        *,
        genre_names: Sequence[str],
        row_names: Sequence[str],
        normalized: bool,
    ) -> None:
        super().__init__()
        if not row_names or normalized:
            raise ValueError(
                "model=tags reads the tags of feature=musicnn feature.layer=tags with normalization=none: experiment=tags "
                "sets all three."
            )
        self.table, self.unsure_below = dict(table), unsure_below
        asked = [letters(name) for name in genre_names]
        tags_of = {letters(genre): tags for genre, tags in table.items()}
        networks = sorted({name.split("/")[0] for name in row_names})
        rows = {tuple(name.split("/", 1)): k for k, name in enumerate(row_names)}
        self.places: list[list[list[list[int]]]] = []  # of each genre, network and tag: the rows of its parts
        for genre in asked:
            mine = [tag for tag in tags_of.get(genre, ()) if letters(tag) == genre or letters(tag) not in asked]
            found = [
                [[rows[network, part] for part in tag.split(" + ")] for tag in mine if _has(rows, network, tag)]
                for network in networks
            ]
            self.places.append([tags for tags in found if tags])
        self.uncovered = [name for name, places in zip(genre_names, self.places, strict=True) if not places]

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Nothing is learned."""
        return {}

    @property
    def notes(self) -> list[str]:
        """What the user should know."""
        return [f"No tag covers {', '.join(self.uncovered)}: never the answer."] if self.uncovered else []

    def forward(self, feature_BFN: Tensor) -> Tensor:
        evidence_BF = feature_BFN.mean(dim=2)
        logits = []
        for places in self.places:
            of_networks = [
                torch.stack([evidence_BF[:, parts].mean(dim=1) for parts in tags]).amax(dim=0) for tags in places
            ]
            logits.append(torch.stack(of_networks).mean(dim=0) if places else None)
        covered = [logit_B for logit_B in logits if logit_B is not None]
        least_B = torch.stack(covered).logsumexp(dim=0) + RARE if covered else evidence_BF.new_zeros(len(evidence_BF))
        return torch.stack([least_B if logit_B is None else logit_B for logit_B in logits], dim=1)


def letters(name: str) -> str:
    """A genre's name without case, spaces and signs: Hip-Hop -> hiphop."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _has(rows: Mapping[tuple[str, ...], int], network: str, tag: str) -> bool:
    return all((network, part) in rows for part in tag.split(" + "))
