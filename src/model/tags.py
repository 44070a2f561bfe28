"""Genres from the tags of pretrained networks, by a fixed table: nothing is trained."""

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
UNCOVERED_NATS = -13.8  # a genre that no tag covers gets a probability of one in a million


class Tags(nn.Module):
    """Genre logits from tag values, by a table of the tags of each genre: feature (B, F, N) -> logits (B, C).

    The feature is feature=musicnn with feature.layer=tags: log-odds of each tag minus their mean over the training
    songs of its network, in nats. So the tags of both networks have one scale, and common tags such as rock have no
    advantage over rare ones. The values are averaged over time. In each network, a genre gets the largest value of its
    tags; its logit is the mean over the networks that have any of its tags. In the table, `a + b` means both tags
    together: the mean of the two. A tag that is the name of another requested genre counts for that genre only. Genre
    names are compared without case, spaces and punctuation: hip-hop, Hip Hop and hiphop are equal. A genre that no tag
    covers is never predicted.

    The probabilities are uncalibrated. If the largest is below `unsure_below`, or if the sound is no music
    (`checks_music`), programs report the prediction as unsure. Raises ValueError on a feature that does not consist of tags, or is normalized.
    """

    checks_music = True  # the networks know only music: for noise they give any tag, often with high confidence

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
                "model=tags needs feature=musicnn with feature.layer=tags, and normalization=none: experiment=tags sets "
                "all three."
            )
        self.table, self.unsure_below = dict(table), unsure_below
        requested = [letters(name) for name in genre_names]
        tags_of = {letters(genre): tags for genre, tags in table.items()}
        networks = sorted({name.split("/")[0] for name in row_names})
        rows = {tuple(name.split("/", 1)): k for k, name in enumerate(row_names)}
        self.tag_rows: list[list[list[list[int]]]] = []  # genre, network, tag -> the feature rows of the tag's parts
        for genre in requested:
            tags = [tag for tag in tags_of.get(genre, ()) if letters(tag) == genre or letters(tag) not in requested]
            network_rows = [
                [[rows[network, part] for part in tag.split(" + ")] for tag in tags if _has_tag(rows, network, tag)]
                for network in networks
            ]
            self.tag_rows.append([rows_of_tags for rows_of_tags in network_rows if rows_of_tags])
        self.uncovered = [
            name for name, network_rows in zip(genre_names, self.tag_rows, strict=True) if not network_rows
        ]

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    @property
    def notes(self) -> list[str]:
        """Notes for the user: the genres that no tag covers."""
        return [f"No tag covers {', '.join(self.uncovered)}: never predicted."] if self.uncovered else []

    def forward(self, feature_BFN: Tensor) -> Tensor:
        tag_BF = feature_BFN.mean(dim=2)
        logits = []
        for network_rows in self.tag_rows:
            evidence = [
                torch.stack([tag_BF[:, rows].mean(dim=1) for rows in rows_of_tags]).amax(dim=0)
                for rows_of_tags in network_rows
            ]
            logits.append(torch.stack(evidence).mean(dim=0) if network_rows else None)
        covered = [logit_B for logit_B in logits if logit_B is not None]
        uncovered_B = (
            torch.stack(covered).logsumexp(dim=0) + UNCOVERED_NATS if covered else tag_BF.new_zeros(len(tag_BF))
        )
        return torch.stack([uncovered_B if logit_B is None else logit_B for logit_B in logits], dim=1)


def letters(name: str) -> str:
    """Reduce a genre name to letters and digits in lower case: Hip-Hop -> hiphop."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _has_tag(rows: Mapping[tuple[str, ...], int], network: str, tag: str) -> bool:
    return all((network, part) in rows for part in tag.split(" + "))
