"""Music genre recognition experiments. Programs are run in place: `python -m src.train`."""

import os

# How long OpenMP's threads spin for one another before they sleep; its own choice is 15 times as long. On idle cores
# nothing changes, and beside another busy process a thread does not spin away the time slice that the other one needs
# (a hybrid's step took up to 5.5 s for 0.35 s). Sleeping at once would make recurrent layers 5 times slower. GNU's
# OpenMP, which torch brings along on Linux, reads it when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
