"""Audio files and fingerprints: the only package that opens audio files."""
