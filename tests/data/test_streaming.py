"""`data.resident=false`: a waveform cache larger than the memory can be used, because its samples are only mapped."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Cuts crops of all clips of a cache of 400 MB (a sparse file) and prints the growth of the anonymous memory in bytes, without
# and with a copy of the samples. Anonymous memory belongs to the process; pages of a mapped file can be dropped at any time.
CHILD = """
import json, re, sys
from pathlib import Path
import numpy as np, torch
from src.clip import Clip
from src.data.crops import WaveformCrops
from src.data.store import Store
from src.data.waveform_cache import WaveformCache

def anonymous():
    return 1024 * int(re.search(r"Anonymous: +(\\d+) kB", Path("/proc/self/smaps_rollup").read_text())[1])

torch.set_num_threads(1)
clips, length = 1000, 200_000
store = Store(Path(sys.argv[1]), torch.int16, {"kind": "sound"})
with open(store.folder / "1.piece", "wb") as file:
    file.truncate(2 * clips * length)
offset = np.arange(clips) * length
names = [str(k) for k in range(clips)]
waves = WaveformCache(
    [Clip(name, Path(name), "genre") for name in names], [], {1: store.map(1, clips * length)}, np.ones(clips, np.int64),
    offset, np.full(clips, length), names,
)
growth = []
for resident in (False, True):
    source = WaveformCrops(waves, 50_000, resident)
    source.segments(torch.arange(8), 4)
    before = anonymous() if not resident else start
    start = before
    for first in range(0, clips, 8):
        source.segments(torch.arange(first, min(first + 8, clips)), 4)
    growth.append(anonymous() - before)
print(json.dumps(growth))
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's smaps_rollup")
def test_samples_that_are_not_resident_take_no_memory_of_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "store")]
    mapped_bytes, copied_bytes = json.loads(subprocess.check_output(command, cwd=ROOT, text=True))
    assert mapped_bytes < 20e6
    assert copied_bytes > 400e6 - 20e6
