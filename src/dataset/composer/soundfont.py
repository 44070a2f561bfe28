"""Where the recorded instruments are."""

import importlib.util
from pathlib import Path


def soundfont() -> Path:
    """TimGM6mb.sf2 inside the installed pretty_midi (GPL-2: used from there, never copied).

    Raises FileNotFoundError, saying what to do, where it is missing.
    """
    package = importlib.util.find_spec("pretty_midi")
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / "TimGM6mb.sf2" if folders else Path("pretty_midi/TimGM6mb.sf2")
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: dataset=synth plays the SoundFont that the package pretty_midi brings. "
            "Reinstall it (pip install --force-reinstall pretty_midi), or choose another dataset."
        )
    return path
