"""The classifier, from a waveform to one set of logits per clip; used in training and inference."""
