"""Prediction: recognize genres of audio files with a trained run or the pretrained tagger."""
