"""The table of predictions."""

import io

import pytest

from src.inference import output
from src.inference.recognizer import LOW_CONFIDENCE, Prediction


def table(genre: str, confidence: float, reason: str | None = None, top: int | None = None) -> str:
    """The table of one prediction."""
    probabilities = {"rock": 0.14, "metal": 0.15, "punk": 0.13, "jazz": 0.12}
    prediction = Prediction(genre, confidence, probabilities, False, 30.0, "tags", [], reason=reason)
    out = io.StringIO()
    writer = output.FORMATS["table"](output.OutputOptions(list(probabilities), 1, top, False), out)
    writer.add("a.wav", [prediction])
    writer.finish()
    return out.getvalue()


@pytest.mark.parametrize(
    ("genre", "confidence", "reason", "top", "expected"),
    [
        ("metal", 0.15, None, None, "rock 14 %"),
        ("rock", 0.42, None, None, "metal 15 %"),  # a genre with those below it
        ("rock", 0.42, None, 3, "metal 15 %, punk 13 %"),
        ("jazz", 0.30, None, None, "metal 15 %"),
        ("unsure", 0.15, LOW_CONFIDENCE, None, "metal 15 %, rock 14 %"),
    ],
)
def test_the_next_best_genres_leave_out_the_predicted_one(
    genre: str, confidence: float, reason: str | None, top: int | None, expected: str
) -> None:
    text = " ".join(table(genre, confidence, reason, top).replace("│", " ").split())
    assert f"% {expected} 30.0" in text
