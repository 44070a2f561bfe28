"""Speed and memory of every part, each against a named alternative: `make benchmark`."""
