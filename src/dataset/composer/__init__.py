"""Rule-based composer of the synthetic corpus: artists, songs, harmony, parts and rendering."""
