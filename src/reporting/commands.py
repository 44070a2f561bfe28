"""The command that made a page, with other options."""

import shlex
from collections.abc import Sequence


def without(command: str, valued: Sequence[str] = (), flags: Sequence[str] = ()) -> str:
    """The command without some options: `valued` ones with their values, "--clips 50" or "--clips=50", and `flags`."""
    words, kept = iter(shlex.split(command)), []
    for word in words:
        if word in valued:
            next(words, None)
        elif word not in flags and not word.startswith(tuple(f"{option}=" for option in valued)):
            kept.append(word)
    return shlex.join(kept)
