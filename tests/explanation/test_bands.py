"""Names of frequency bands."""

import numpy as np

from src.explanation.per_genre import band_names


def test_a_band_has_its_limits_and_the_highest_only_its_lower_one() -> None:
    assert band_names(np.array([40.0, 100.0, 1500.0, 9000.0])) == [
        *("below 63 Hz", "63 to 125 Hz", "1 to 2 kHz", "above 8 kHz"),
    ]
