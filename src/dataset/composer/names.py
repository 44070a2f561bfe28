"""Names of invented artists and titles of their tracks. Neither reveals the genre."""

import numpy as np

from src.dataset.composer.style import GENRES

_FIRST_NAMES = (
    "Ada", "Alba", "Amos", "Anouk", "Basil", "Bea", "Bruno", "Cleo", "Cosmo", "Dara", "Della", "Dexter", "Edda",
    "Eli", "Ella", "Enzo", "Esme", "Ezra", "Fern", "Fritz", "Gus", "Hazel", "Ida", "Ines", "Iris", "Ivo", "Jory",
    "Juno", "Kit", "Lark", "Leo", "Lior", "Lotte", "Lula", "Mabel", "Milo", "Mira", "Nico", "Nola", "Odette",
    "Olga", "Otis", "Pearl", "Quentin", "Remy", "Rosa", "Rufus", "Sable", "Silas", "Tess", "Theo", "Uma", "Vera",
    "Viggo", "Wanda", "Willa", "Xavi", "Yara", "Zadie", "Zeno",
)  # fmt: skip
_LAST_NAMES = (
    "Abel", "Arden", "Ashby", "Banks", "Bell", "Birch", "Blythe", "Brook", "Calder", "Cass", "Cobb", "Crane",
    "Croft", "Dale", "Dove", "Drake", "Ember", "Fable", "Finch", "Flint", "Fox", "Frost", "Gale", "Garner",
    "Glass", "Gray", "Hale", "Hart", "Hawke", "Hollis", "Ives", "Jarvis", "Keane", "Kestrel", "Lane", "Linden",
    "Locke", "Lowe", "Marsh", "Merle", "Moon", "Nash", "North", "Oakes", "Pace", "Penn", "Pike", "Quill", "Rains",
    "Reed", "Rook", "Rowe", "Sharp", "Slate", "Stone", "Swift", "Thorne", "Vale", "Wilde", "Wren", "Yates",
)  # fmt: skip
_ADJECTIVES = (
    "Amber", "Autumn", "Blue", "Brass", "Broken", "Copper", "Crimson", "Distant", "Early", "Electric", "Empty",
    "Evening", "Faded", "Frozen", "Gentle", "Golden", "Hidden", "Hollow", "Indigo", "Iron", "Late", "Little",
    "Lonesome", "Long", "Lost", "Midnight", "Morning", "Narrow", "Northern", "Open", "Paper", "Quiet", "Restless",
    "Rising", "Rolling", "Rusty", "Salt", "Second", "Silver", "Slow", "Southern", "Sunday", "Tender", "Velvet",
    "Wandering", "Western", "White", "Wild", "Winter", "Yellow",
)  # fmt: skip
_NOUNS = (
    "Avenue", "Bridge", "Candle", "Canyon", "City", "Corner", "Dance", "Door", "Dream", "Echo", "Engine", "Fever",
    "Field", "Fire", "Garden", "Ghost", "Harbor", "Heart", "Hill", "Highway", "Horizon", "Hour", "Island",
    "Lantern", "Letter", "Light", "Line", "Machine", "Map", "Mile", "Mirror", "Monday", "Mountain", "Night",
    "Ocean", "Orchard", "Parade", "Rain", "Record", "Ribbon", "River", "Road", "Room", "Season", "Shadow",
    "Signal", "Sky", "Song", "Station", "Stone", "Storm", "Street", "Summer", "Tide", "Train", "Valley", "Water",
    "Window", "Wire", "Year",
)  # fmt: skip
MOST_ARTISTS = len(_FIRST_NAMES) * len(_LAST_NAMES) // len(GENRES)  # per genre; all artists have different names
MOST_TRACKS = min(len(_ADJECTIVES), len(_NOUNS))  # per artist


def artist_name(seed: int, genre: str, artist: int) -> str:
    """Name of an artist. It is unique in the corpus and does not reveal the genre."""
    order = np.random.default_rng([seed, len(GENRES)]).permutation(len(_FIRST_NAMES) * len(_LAST_NAMES))
    first, last = divmod(int(order[artist * len(GENRES) + GENRES.index(genre)]), len(_LAST_NAMES))
    return f"{_FIRST_NAMES[first]} {_LAST_NAMES[last]}"


def track_names(seed: int, genre: str, artist: int, tracks: int) -> list[str]:
    """Titles of an artist's tracks, all different."""
    rng = np.random.default_rng([seed, GENRES.index(genre), artist, 0, 1])
    adjectives, nouns = rng.permutation(len(_ADJECTIVES)), rng.permutation(len(_NOUNS))
    return [f"{_ADJECTIVES[adjectives[track]]} {_NOUNS[nouns[track]]}" for track in range(tracks)]
