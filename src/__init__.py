"""Music genre recognition experiments. Programs are run in place: `python -m src.train`."""

import os

# OpenMP's threads wait for one another asleep, not spinning. Spinning gains next to nothing on an idle machine, and beside
# any other busy process it made a training step 15 times slower (5.5 s for 0.35 s on 2 cores). Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
