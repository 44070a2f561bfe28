"""From a waveform to one set of logits a clip; shared by training and inference."""
