"""Path of the SoundFont, which holds the recorded instruments."""

import importlib.util
from pathlib import Path


def soundfont() -> Path:
    """Find TimGM6mb.sf2 in the installed package pretty_midi. It is under GPL-2: read from there, never copied.

    Raises FileNotFoundError, with the command that fixes it, if the file is missing.
    """
    package = importlib.util.find_spec("pretty_midi")
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / "TimGM6mb.sf2" if folders else Path("pretty_midi/TimGM6mb.sf2")
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: dataset=synth renders with this SoundFont, which is part of the package pretty_midi. "
            "Reinstall it (pip install --force-reinstall pretty_midi), or choose another dataset."
        )
    return path
