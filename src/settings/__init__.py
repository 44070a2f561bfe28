"""Settings: how the words of a command line are read, which values each key may have, and a check of both."""
