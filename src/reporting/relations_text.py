"""Describe relations between genres: sentences that say what to do, and tables for the terminal and the page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from src import formatting
from src.genre_relations.pairs import APART, SAME, UNDECIDED
from src.metrics.intervals import MIN_ARTISTS

Content = Mapping[str, Any]
MOST_PAIRS = 20  # rows of the table on the page
MOST_PAIRS_TERMINAL = 12
MOST_JOINS = 12
MOST_NAMED = 6  # pairs in a sentence
PAIR_HEADINGS = ("pair", "confused %", "verdict", "AUC %", "95 % interval", "embedding", "predictions", "artists")
TERMINAL_COLUMNS = 6  # of them
TEXT_COLUMNS = (0, 2)  # of them; the others are numbers
OF_VIEWS = {"embedding": "in the embedding", "answers": "by the predictions"}


def data_line(content: Content) -> str:
    """Name the data, the clips and the runs: "synth (synthetic music), 800 clips of 200 artists; svm on all; 10 folds pooled"."""
    data = formatting.data(content["dataset"], content["synthetic"])
    pooling = content["pooling"].partition(";")[0].partition(",")[0]
    return f"{data}, {formatting.size(content)}; {content['label']}; {pooling}"


def sentences(content: Content) -> list[str]:
    """What the relations are and what to do, one sentence or two each."""
    if nothing := nothing_yet(content):
        lines = [nothing, *(_join_sentences(content) if any(_has_more(view) for view in _views(content)) else [])]
    else:
        lines = [*_pair_sentences(content), *_join_sentences(content)]
    lines += _tree_sentences(content)
    if content["untested_genres"]:
        names = formatting.first_names(content["untested_genres"], MOST_NAMED)
        lines.append(f"Left out, as no test clip has them: {names}.")
    return [*lines, *content["notes"]]


def nothing_yet(content: Content) -> str:
    """A sentence with what to do, if no pair is decided and no join has a stability; otherwise ""."""
    if any(pair["answer"] != UNDECIDED for pair in content["pairs"]):
        return ""
    if any(not view["reason"] and not view["no_stability"] for view in _views(content)):
        return ""
    if content["artists"] is None:
        why = "the artists of some test clips are unknown"
    else:
        counts = sorted({row["artists"] for row in content["genres"].values()})
        number = formatting.count(counts[0], "artist") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} artists"
        why = f"the test clips of a genre are by {number}, and {MIN_ARTISTS} are needed"
    return f"Nothing can be concluded yet: {why}. {_more_artists(content)}"


def _views(content: Content) -> list[Content]:
    return [content["views"][name] for name in OF_VIEWS]


def _has_more(view: Content) -> bool:
    """True if a view lacks more than stabilities: distances, or genres."""
    return bool(view["reason"] or view["left_out"])


def _pair_sentences(content: Content) -> list[str]:
    pairs, margin = content["pairs"], content["margin"]
    answers = Counter(pair["answer"] for pair in pairs)
    total = formatting.count(len(pairs), "pair of genres")
    lines = []
    if same := [pair for pair in pairs if pair["answer"] == SAME]:
        limits = f"{50 - 100 * margin:.0f} to {50 + 100 * margin:.0f} %"
        lines.append(
            f"{_of(len(same), total)} cannot be told apart by this model: {_names(same)}. Of a clip of each, it finds which is which "
            f"hardly better than by guessing (the 95 % interval of the AUC lies within {limits}). Merge such genres "
            "(dataset.genre_map), or try a feature that measures what should differ."
        )
    if answers[APART]:
        lines.append(f"{_of(answers[APART], total)} {'is' if answers[APART] == 1 else 'are'} told apart.")
    if answers[UNDECIDED]:
        why = "; ".join(f"{reason}: {count:,}" for reason, count in undecided_reasons(content).most_common())
        verb = "is" if answers[UNDECIDED] == 1 else "are"
        lines.append(f"{_of(answers[UNDECIDED], total)} {verb} undecided ({why}). {_more_artists(content)}")
    by_luck = round(0.025 * len(pairs))
    if by_luck and answers[APART]:
        lines.append(
            f"Each interval is for one pair: of {total}, about {by_luck} would be told apart by luck if no genres differed."
        )
    return lines


def _of(number: int, total: str) -> str:
    return f"{number:,} of {total}"


def _names(pairs: Sequence[Content]) -> str:
    return formatting.first_names([f"{pair['a']} and {pair['b']}" for pair in pairs], MOST_NAMED)


def undecided_reasons(content: Content) -> Counter[str]:
    """The reasons of undecided pairs, without the numbers of a pair, with how many pairs have them."""
    reasons = [pair["reason"] for pair in content["pairs"] if pair["answer"] == UNDECIDED]
    return Counter(f"fewer than {MIN_ARTISTS} artists" if "are needed" in reason else reason for reason in reasons)


def _more_artists(content: Content) -> str:
    """Advice if artists are too few or unknown: test all clips, or find more artists."""
    if content["artists"] is None:
        return "Give the artist of each clip, e.g. in the column artist of a table (dataset=manifest)."
    genres = content["genres"].values()
    least_tested = min(row["artists"] for row in genres)
    least = min(row["artists_in_split"] for row in genres)
    if least >= MIN_ARTISTS and (least_tested < MIN_ARTISTS or least >= 2 * least_tested):
        return (
            f"Test every clip: train with sweep=folds, where each genre has {least} artists or more, and give the sweep's folder to "
            "this program."
        )
    if least < MIN_ARTISTS:
        lacking = [genre for genre, row in content["genres"].items() if row["artists_in_split"] < MIN_ARTISTS]
        names = formatting.first_names(lacking, MOST_NAMED)
        return f"The data have fewer than {MIN_ARTISTS} artists of {names}: add clips by other artists."
    return "Add clips by other artists: more clips of the same artists help less."


def _join_sentences(content: Content) -> list[str]:
    """A sentence for each view; one for both if the same reason takes the stability from both."""
    first, second = _views(content)
    alike = all(first.get(key) == second.get(key) for key in ("reason", "no_stability", "left_out"))
    if alike and first["no_stability"] and not first["reason"]:
        return [_join_sentence("embedding", content, " and ".join(OF_VIEWS.values()))]
    return [_join_sentence(name, content, of_what) for name, of_what in OF_VIEWS.items()]


def _join_sentence(name: str, content: Content, of_what: str) -> str:
    view = content["views"][name]
    if view["reason"]:
        return f"No distances {of_what}. {view['reason']}"
    left_out = view["left_out"]
    extra = (
        f" Left out: {formatting.first_names([f'{genre} ({why})' for genre, why in left_out.items()], MOST_NAMED)}."
        if left_out
        else ""
    )
    if view["no_stability"]:
        return (
            f"Joins {of_what}: no stability is shown, because {view['no_stability']}. Without it, a tree is not a "
            f"result.{extra}"
        )
    inner = view["joins"][:-1]  # the last join has all genres in every resample
    stable = [each for each in inner if each["stability"] >= content["stable"]]
    limit = formatting.percent(content["stable"])
    if not inner:
        return f"Joins {of_what}: two genres have one join, which says nothing.{extra}"
    if not stable:
        return (
            f"Joins {of_what}: none of {len(inner)} is stable (the same genres in {limit} of the resamples or more), so the tree is "
            f"mostly noise. {_more_in_a_run(name, content)}{extra}"
        )
    named = [f"{_joined(each['genres'], view['genres'])} ({formatting.percent(each['stability'])})" for each in stable]
    count = f"{len(stable)} of {len(inner)} {'is' if len(stable) == 1 else 'are'} stable"
    listed = "; ".join(named[:MOST_NAMED]) + (
        f"; and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    )
    return f"Joins {of_what}: {count}, with the same genres in {limit} of the resamples or more: {listed}.{extra}"


def _joined(genres: Sequence[str], all_genres: Sequence[str]) -> str:
    """Name a group of genres: "metal + rock", or of many "all but classical, disco"."""
    others = [genre for genre in all_genres if genre not in genres]
    if len(others) < len(genres) and len(genres) > 3:
        return f"all but {formatting.first_names(others, MOST_NAMED)}"
    return formatting.first_names(genres, MOST_NAMED).replace(", ", " + ")


def _more_in_a_run(name: str, content: Content) -> str:
    """What to do about unstable joins. Runs have embeddings of their own, so small folds compare few artists."""
    per_run = content["artists_per_run"]
    if name == "embedding" and len(content["runs"]) > 1 and per_run < MIN_ARTISTS:
        return (
            f"Each run compares the artists of its own test clips only, here {per_run:g} of a genre: larger folds compare more, "
            "e.g. split.folds=2."
        )
    return "Test more artists."


def _tree_sentences(content: Content) -> list[str]:
    tree = content["hierarchy"]
    if tree["reason"]:
        return [tree["reason"]]
    f1 = tree["scores"]["f1"]
    interval = f1["interval"]
    value = formatting.share(f1["value"], interval) if interval else formatting.percent(f1["value"])
    even = formatting.percent(f1["evenly_wrong"])
    if interval is None:
        verdict = "too few artists for an interval"
    elif f1["gain_interval"][0] > 0:
        verdict = "wrong predictions tend to be near the true genre"
    else:
        verdict = "wrong predictions are not nearer to the true genre than by chance, as far as these clips show"
    lines = [
        f"By the tree ({tree['tree']}): hierarchical F1 {value}, and {even} if the wrong predictions were spread evenly over the other genres: {verdict}."
    ]
    if tree["not_in_tree"]:
        names = formatting.first_names(tree["not_in_tree"], MOST_NAMED)
        lines.append(f"Not in the tree, so counted at its top: {names}.")
    return lines


def pair_rows(content: Content, most: int = MOST_PAIRS) -> list[tuple[str, ...]]:
    """The cells of pairs below PAIR_HEADINGS: those that cannot be told apart, then those with the lowest AUC."""
    ordered = sorted(content["pairs"], key=lambda pair: pair["answer"] != SAME)
    return [
        (
            f"{pair['a']}, {pair['b']}",
            f"{formatting.cell(pair['a_as_b'])}, {formatting.cell(pair['b_as_a'])}",
            pair["answer"],
            formatting.cell(pair["auc"]),
            formatting.cell_interval(pair["interval"]) if pair["interval"] else formatting.UNDEFINED,
            _number(pair["embedding_distance"]),
            _number(pair["answer_distance"]),
            f"{pair['artists'][0]}, {pair['artists'][1]}",
        )
        for pair in ordered[:most]
    ]


def _number(value: float | None) -> str:
    return formatting.UNDEFINED if value is None else f"{value:.2f}"


def pair_title(content: Content, most: int = MOST_PAIRS) -> str:
    """The title of the table of pairs: all, or the first rows."""
    count = len(content["pairs"])
    first = "" if count <= most else f", the first {most} of {count:,}"
    return f"Pairs of genres, the hardest to tell apart first (by AUC){first}"


def tree_rows(content: Content) -> list[tuple[str, ...]]:
    """Hierarchical precision, recall and F1 as cells: name, value, interval, value if wrong predictions were spread evenly."""
    scores = content["hierarchy"].get("scores", {})
    return [
        (
            "F1" if name == "f1" else name,
            formatting.cell(row["value"]),
            formatting.cell_interval(row["interval"]) if row["interval"] else formatting.UNDEFINED,
            formatting.cell(row["evenly_wrong"]),
        )
        for name, row in scores.items()
    ]


TREE_HEADINGS = ("score", "%", "95 % interval", "if wrong predictions were spread evenly %")


def join_rows(content: Content, name: str, most: int = MOST_JOINS) -> list[tuple[str, ...]]:
    """The joins of a view as cells: genres, distance, stability; the nearest first."""
    view = content["views"][name]
    if view["reason"]:
        return []
    return [
        (
            formatting.first_names(each["genres"], MOST_NAMED),
            f"{each['distance']:.2f}",
            formatting.UNDEFINED if each["stability"] is None else formatting.percent(each["stability"]),
        )
        for each in view["joins"][:most]
    ]


JOIN_HEADINGS = ("genres", "distance", "same genres joined in")


def terminal_tables(content: Content) -> list[Table]:
    """The tables of the terminal: the pairs that are hardest to tell apart, joins of both views, scores by the tree."""
    rows = [row[:TERMINAL_COLUMNS] for row in pair_rows(content, MOST_PAIRS_TERMINAL)]
    tables = [_table(pair_title(content, MOST_PAIRS_TERMINAL), PAIR_HEADINGS[:TERMINAL_COLUMNS], rows, TEXT_COLUMNS)]
    for name, title in (("embedding", "Joins in the embedding"), ("answers", "Joins by the predictions")):
        if rows := join_rows(content, name):
            count = len(content["views"][name]["joins"])
            tables.append(
                _table(
                    title if count <= MOST_JOINS else f"{title}, the nearest {MOST_JOINS} of {count}",
                    JOIN_HEADINGS,
                    rows,
                )
            )
    if rows := tree_rows(content):
        tables.append(_table(f"Hierarchical scores by the tree: {content['hierarchy']['tree']}", TREE_HEADINGS, rows))
    return tables


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[int] = (0,)) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for k, heading in enumerate(headings):
        table.add_column(escape(heading), justify="left" if k in texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
