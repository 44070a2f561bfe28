"""The manifests of a genre under two names."""

from pathlib import Path

from benchmarks.renamed_genre import rows
from src.clip import Clip


def test_every_second_artist_of_rock_is_renamed() -> None:
    clips = [
        Clip(f"{genre}{k}", Path(f"{genre}{k}"), genre, f"artist {k}") for genre in ("pop", "rock") for k in range(4)
    ]
    assert [(path, genre) for path, genre, _ in rows(clips, 3)] == [
        ("pop0", "pop"),
        ("pop1", "pop"),
        ("pop2", "pop"),
        ("rock0", "rock"),
        ("rock1", "rock again"),
        ("rock2", "rock"),
    ]
