"""Explanations in words of musicians: groups of feature rows, deciding tags, the nearest training clips.

Each part is a dictionary for page and JSON. It has `sentences`, and if the part does not exist for a run, they say why.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from src.explanation import deciding_tags, grouped_occlusion, neighbours, row_groups, sentences
from src.explanation.background import Background, background
from src.explanation.explanation import Explanation
from src.explanation.model import ExplainedModel, ExplainedSound
from src.explanation.model_input import feature_of, margin_genres
from src.explanation.tag_values import tag_names, tag_problem, tag_values
from src.explanation.training_clips import FILE
from src.model.majority import Majority
from src.model.tags import Tags


def add(explanation: Explanation, model: ExplainedModel, sound: ExplainedSound) -> None:
    """Fill `row_groups`, `tags` and `neighbours` of an explanation."""
    known = background(model)
    value_SFN = known.model.values(sound.feature_SFN)
    genre, rival = margin_genres(sound.logits_SC.mean(dim=0))
    explanation.row_groups = _row_groups(known, value_SFN, genre, rival)
    explanation.tags = _tags(known, value_SFN, sound.feature_SFN, genre, rival)
    explanation.neighbours = _neighbours(known, value_SFN, sound.clip.name, [genre, rival], sound.clip.genre)


def _row_groups(known: Background, value_SFN: Tensor, genre: int, rival: int) -> dict[str, Any]:
    """The shares of groups of rows, for a feature that has several."""
    if isinstance(known.model.classifier.model, Majority):
        return _nothing(sentences.no_groups(sentences.READS_NOTHING))
    groups = row_groups.aspects(feature_of(known.model.classifier))
    if len(groups) < 2:
        return _nothing(sentences.one_group(groups[0].name))
    if known.model.mean_FN is None:
        return _nothing(sentences.no_training_clips("The training mean of the feature is unknown", known.missing))
    effects = grouped_occlusion.explain(known.model, value_SFN, groups, genre, rival)
    genres = known.model.classifier.genres
    rows = {group.name: {"rows": len(group.rows)} for group in groups}
    content = effects.as_json()
    content["groups"] = {name: rows[name] | effect for name, effect in content["groups"].items()}
    return {**content, "sentences": sentences.row_groups(effects, genres[genre], genres[rival])}


def _tags(known: Background, value_SFN: Tensor, feature_SFN: Tensor, genre: int, rival: int) -> dict[str, Any]:
    """The tags that decided, or for a model on embeddings those that go with the decision."""
    classifier, feature = known.model.classifier, feature_of(known.model.classifier)
    if problem := tag_problem(feature):
        return _nothing(sentences.no_tags(problem))
    genres, names = classifier.genres, tag_names(feature)
    if isinstance(classifier.model, Tags):
        if known.model.mean_FN is None:
            return _nothing(sentences.no_training_clips("The training means of the tags are unknown", known.missing))
        decision = deciding_tags.decide(known.model, value_SFN, names, genre, rival)
        return {**decision.as_json(), "sentences": sentences.decision(decision, genres[genre], genres[rival])}
    if known.training is None:
        return _nothing(sentences.no_training_clips("Which tags go with the decision is unknown", known.missing))
    margin_K = known.training.logits_KC[:, genre] - known.training.logits_KC[:, rival]
    value_Q = tag_values(feature, feature_SFN).double().cpu().numpy()
    try:
        tags = deciding_tags.related(value_Q, known.training.tag_KQ, margin_K, names)
    except ValueError as error:
        return _nothing(sentences.no_tags(str(error)))
    return {
        "kind": "related",
        "training_clips": len(margin_K),
        "tags": [tag.as_json() for tag in tags],
        "sentences": sentences.related(tags, len(margin_K), genres[genre], genres[rival]),
    }


def _neighbours(
    known: Background, value_SFN: Tensor, name: str, predicted: Sequence[int], true_genre: str
) -> dict[str, Any]:
    """The nearest training clips of the predicted genre and its rival, and of the true genre if it is known and neither."""
    if not known.model.has_embedding:
        return _nothing(sentences.no_embedding(type(known.model.classifier.model).__name__.lower()))
    if known.training is None:
        return _nothing(sentences.no_training_clips("The nearest training clips are unknown", known.missing))
    embedding_E = known.model.embedding(value_SFN).cpu().numpy()
    genres, training = known.model.classifier.genres, known.training
    if embedding_E.shape != training.embedding_KE.shape[1:]:
        return _nothing(
            sentences.no_training_clips(
                "The nearest training clips are unknown", f"{FILE} has other embeddings; delete it"
            )
        )
    compared = [genres[k] for k in predicted]
    if true_genre in genres and true_genre not in compared:
        compared.append(true_genre)
    found = {
        genre: neighbours.nearest(embedding_E, training.embedding_KE, training.clips, genre, without=name)
        for genre in compared
    }
    return {
        "training_clips": len(training.clips),
        "clips": [neighbour.as_json() for each in found.values() for neighbour in each],
        "sentences": sentences.neighbours(found),
    }


def _nothing(sentence: str) -> dict[str, Any]:
    return {"sentences": [sentence]}
