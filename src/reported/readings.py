"""Whether a reported row can be true: each way to read its figures, and what it contradicts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from src.reported import rules
from src.reported.table import AVERAGES, Figure, Row

MICRO = "micro averages"
MEAN = "macro averages, F1 the mean of the genres' F1"
OF_MEANS = "macro averages, F1 made of averaged precision and recall"
WEIGHTED = "averages weighted by support"
READINGS = {"micro": [MICRO], "macro": [MEAN, OF_MEANS], "weighted": [WEIGHTED]}
RULES: dict[str, Callable[[rules.Overall], Iterator[str]]] = {
    MICRO: rules.micro,
    MEAN: rules.macro,
    OF_MEANS: rules.macro_of_means,
    WEIGHTED: rules.weighted,
}
RECALLS, ONE_VS_REST = "recalls", "accuracies one-vs-rest"
NO_GENRES = ""  # the reading of the genres' figures of a row that has none


@dataclass(frozen=True)
class Checked:
    """A row's readings: of the averages, of the genres' figures, and of both together, each with what it contradicts.

    `always` contradicts every reading. `alternatives` are the readings of the averages of which one must hold: a list
    for each average that the headings name, one list of all where they name none.
    """

    row: Row
    averages: dict[str, list[str]]
    genres: dict[str, list[str]]
    together: dict[tuple[str, str], list[str]]
    always: list[str]
    alternatives: list[list[str]]

    @property
    def possible(self) -> list[tuple[str, str]]:
        """The readings, of averages and of genres, that contradict nothing."""
        faults = {pair: self.averages[pair[0]] + self.genres[pair[1]] + found for pair, found in self.together.items()}
        return [] if self.always else [pair for pair, found in faults.items() if not found]

    @property
    def impossible(self) -> bool:
        """Whether no reading of the genres' figures goes with one of each average's alternatives."""
        possible = set(self.possible)
        return not any(
            all(any((average, genre) in possible for average in each) for each in self.alternatives)
            for genre in self.genres
        )


def check(row: Row, all_genres: bool = True) -> Checked:
    """Try every reading of a row. `all_genres`: the genres of the table's columns are all that there were.

    Figures may be off by their rounding, half a unit of the last digit. All are taken to be of one set of test clips,
    counted together or averaged over folds of the same mixture of genres.
    """
    if not all_genres:
        row = replace(row, columns=row.columns | {NO_GENRES})  # one more genre, of which nothing is told
    overall = _by_reading(row)
    told, accuracy = row.genres.get("genre", {}), row.overall.get(("accuracy", ""))
    recall = {**told, **row.genres.get("recall", {})}
    genres = {RECALLS: list(rules.recalls(row, recall, accuracy))} if row.genres else {NO_GENRES: []}
    if told:
        genres[ONE_VS_REST] = list(rules.one_vs_rest(row, told, accuracy))
    return Checked(
        row,
        averages={name: list(RULES[name](given)) for name, given in overall.items()},
        genres=genres,
        together={
            (average, genre): list(_together(row, average, given, recall if genre == RECALLS else {}))
            for average, given in overall.items()
            for genre in genres
        },
        always=list(rules.one_genre(row)),
        alternatives=[READINGS[name] for name in _named(row)] or [list(RULES)],
    )


def _together(row: Row, average: str, given: rules.Overall, recall: rules.Genres) -> list[str]:
    if average == MICRO:
        return []
    return list(rules.averages(row, given, recall, by_support=average == WEIGHTED, of_f1=average != OF_MEANS))


def _named(row: Row) -> list[str]:
    return [average for average in AVERAGES if average in {its for _, its in row.overall}]


def _by_reading(row: Row) -> dict[str, dict[str, Figure]]:
    """The readings that the row's headings leave open, each with the figures that it reads."""
    named = _named(row)
    found: dict[str, dict[str, Figure]] = {}
    for average in named or AVERAGES:
        # Beside figures of several averages, one that does not say its own could be of either; accuracy has none.
        silent = [measure for measure, its in row.overall if not its and (measure == "accuracy" or len(named) < 2)]
        mine = {measure: row.overall[measure, ""] for measure in silent}
        mine |= {measure: figure for (measure, its), figure in row.overall.items() if its == average}
        found |= dict.fromkeys(READINGS[average], mine)
    return found
