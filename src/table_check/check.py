"""Check a reported row: try each reading of its figures, and collect the contradictions that it leads to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from src.table_check import rules
from src.table_check.table import AVERAGES, Figure, Row

MICRO = "micro averages"
MEAN = "macro averages, F1 the mean of the genres' F1"
OF_MEANS = "macro averages, F1 computed from averaged precision and recall"
WEIGHTED = "averages weighted by support"
READINGS = {"micro": [MICRO], "macro": [MEAN, OF_MEANS], "weighted": [WEIGHTED]}
RULES: dict[str, Callable[[rules.Overall], Iterator[str]]] = {
    MICRO: rules.micro,
    MEAN: rules.macro,
    OF_MEANS: rules.macro_of_means,
    WEIGHTED: rules.weighted,
}
RECALLS, ONE_VS_REST = "recalls", "accuracies one-vs-rest"
NO_GENRES = (
    ""  # stands for the reading of the genres' figures if a row has no such figures; also for a genre without columns
)


@dataclass(frozen=True)
class Checked:
    """A row and the contradictions that each reading of it leads to.

    `averages` maps each reading of the overall scores (MICRO, MEAN ...) to its contradictions, `genres` each reading of the
    genres' figures (RECALLS, ONE_VS_REST), and `together` each pair of both, for contradictions between the two. `always`
    has the contradictions that do not depend on the reading. `alternatives` are lists of readings of the overall scores:
    at least one reading of each list must be true. There is one list for each average that the headings name ("macro"),
    or one list of all readings if they name none.
    """

    row: Row
    averages: dict[str, list[str]]
    genres: dict[str, list[str]]
    together: dict[tuple[str, str], list[str]]
    always: list[str]
    alternatives: list[list[str]]

    @property
    def possible(self) -> list[tuple[str, str]]:
        """The pairs (reading of the overall scores, reading of the genres' figures) without any contradiction."""
        contradictions_by_pair = {
            (average, genre): self.averages[average] + self.genres[genre] + between_both
            for (average, genre), between_both in self.together.items()
        }
        return (
            []
            if self.always
            else [pair for pair, contradictions in contradictions_by_pair.items() if not contradictions]
        )

    @property
    def impossible(self) -> bool:
        """True if no reading of the genres' figures is possible together with one reading of each list of `alternatives`."""
        possible = set(self.possible)
        return not any(
            all(any((average, genre) in possible for average in readings) for readings in self.alternatives)
            for genre in self.genres
        )


def check(row: Row, all_genres: bool = True) -> Checked:
    """Check a row under every reading. `all_genres`: the table has columns for all genres of the experiment.

    Figures may differ from the true scores by rounding, up to half a unit of the last digit. All figures are assumed to
    come from the same test clips, counted together or averaged over folds with the same mixture of genres.
    """
    if not all_genres:
        row = replace(row, columns=row.columns | {NO_GENRES})  # one more genre, which has no figures
    figures_by_reading = _figures_by_reading(row)
    # Columns that name a genre but no measure: recalls, or one-vs-rest accuracies.
    ambiguous, accuracy = row.genres.get("genre", {}), row.overall.get(("accuracy", ""))
    recall = {**ambiguous, **row.genres.get("recall", {})}
    genres = {RECALLS: list(rules.recalls(row, recall, accuracy))} if row.genres else {NO_GENRES: []}
    if ambiguous:
        genres[ONE_VS_REST] = list(rules.one_vs_rest(row, ambiguous, accuracy))
    return Checked(
        row,
        averages={reading: list(RULES[reading](figures)) for reading, figures in figures_by_reading.items()},
        genres=genres,
        together={
            (average, genre): list(_together(row, average, figures, recall if genre == RECALLS else {}))
            for average, figures in figures_by_reading.items()
            for genre in genres
        },
        always=list(rules.one_genre(row)),
        alternatives=[READINGS[average] for average in _named_averages(row)] or [list(RULES)],
    )


def _together(row: Row, reading: str, figures: rules.Overall, recall: rules.Genres) -> list[str]:
    """Contradictions between the overall figures, read as `reading`, and the genres' figures."""
    if reading == MICRO:
        return []
    by_support, f1_is_mean = reading == WEIGHTED, reading != OF_MEANS
    return list(rules.averages(row, figures, recall, by_support=by_support, f1_is_mean=f1_is_mean))


def _named_averages(row: Row) -> list[str]:
    """The averages that the headings of the row name: "macro", "micro", "weighted"."""
    return [average for average in AVERAGES if average in {named for _, named in row.overall}]


def _figures_by_reading(row: Row) -> dict[str, dict[str, Figure]]:
    """Map each reading that the headings allow to the overall figures that it is about: measure -> figure."""
    averages = _named_averages(row)
    figures_by_reading: dict[str, dict[str, Figure]] = {}
    for average in averages or AVERAGES:
        # If the headings name several averages, a figure without a named average could belong to any of them, so it is
        # left out. Accuracy is not averaged over genres, so it belongs to all of them.
        unnamed = [
            measure for measure, named in row.overall if not named and (measure == "accuracy" or len(averages) < 2)
        ]
        figures = {measure: row.overall[measure, ""] for measure in unnamed}
        figures |= {measure: figure for (measure, named), figure in row.overall.items() if named == average}
        figures_by_reading |= dict.fromkeys(READINGS[average], figures)
    return figures_by_reading
