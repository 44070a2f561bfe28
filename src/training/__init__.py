"""Training of one experiment: module, trainer, callbacks, loggers, and the files of the run directory."""
