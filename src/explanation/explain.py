"""Explain one sound: the prediction, then every part of the explanation."""

from collections.abc import Sequence

from src.explanation import maps, words
from src.explanation.explanation import Explanation
from src.explanation.listening import Audible
from src.explanation.model import ExplainedModel, ExplainedSound


def explain(model: ExplainedModel, sound: ExplainedSound, methods: Sequence[str]) -> tuple[Explanation, Audible | None]:
    """Explain the prediction of a model for a sound -> the explanation, and its two sounds if its map can be heard."""
    probability_C = sound.probability_C
    order = probability_C.argsort(descending=True).tolist()
    explanation = Explanation(
        clip=sound.clip.name,
        predicted=model.genres[order[0]],
        rival=model.genres[order[1]],
        probabilities=dict(zip(model.genres, probability_C.tolist(), strict=True)),
        start_seconds=sound.start_seconds,
        seconds=len(sound.wave_T) / model.recognizer.sample_rate,
        genre=sound.clip.genre or None,
        artist=sound.clip.artist,
        notes=list(sound.notes),
    )
    audible = maps.add(explanation, model, sound, methods)
    words.add(explanation, model, sound)
    return explanation, audible
