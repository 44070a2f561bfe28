"""Rule-made music for the synthetic corpus: artists, harmony, grooves, parts, songs, sound."""
