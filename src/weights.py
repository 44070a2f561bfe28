"""Download the published weights of a pretrained network: `python -m src.weights efficientat [NAME]`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from src import console, plain_files

if TYPE_CHECKING:
    from src.pretrained.download import Downloaded

HELP = """\
The file comes from the authors' release (MIT licence) and is stored in ~/.cache/music-genre, or in the folder that the
environment variable MUSIC_GENRE_CACHE names. An interrupted download is continued by the same command. The SHA-256 of
mn04_as is known and checked; that of another network is recorded at its first download, and checked at later ones.

networks: mn01_as, mn02_as, mn04_as, mn05_as, mn10_as, mn20_as, mn30_as, mn40_as, mn40_as_ext. A larger number is a wider
network: mn04_as has 4 MB, mn10_as about 20 MB, mn40_as about 275 MB.

examples:
  python -m src.weights efficientat                mn04_as, which feature=efficientat then finds
  python -m src.weights efficientat mn10_as        a wider network
"""
URL_VARIABLE = "MUSIC_GENRE_WEIGHTS_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """Download a file; return the exit status: 0, 1 on an error, or 130 after Ctrl-C."""
    console.accept_any_name()
    parser = console.Parser(
        prog="python -m src.weights",
        description="Download the published weights of a pretrained network, which are not installed with the project.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("network", choices=["efficientat"], help="the pretrained network")
    parser.add_argument("name", nargs="?", help="one of the networks below (default: mn04_as)")
    parser.add_argument(
        "--url",
        default=os.environ.get(URL_VARIABLE),
        help=f"address of a mirror of the release (default: ${URL_VARIABLE})",
    )
    options = parser.parse_args(arguments)
    try:
        _print(_download(options), options.network)
    except KeyboardInterrupt:
        console.note("Interrupted. Give the same command again: it continues where it stopped.")
        return 130
    except (ValueError, OSError) as error:
        console.error("weights", _explain(error))
        return 1
    return 0


def _download(options: argparse.Namespace) -> "Downloaded":
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from src.pretrained import download

    name = download.published_name(options.network, options.name)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console.stderr)

    def show(received: int, total: int | None) -> None:
        if not bar.tasks:
            bar.start()
            bar.add_task(name)
        bar.update(bar.task_ids[0], completed=received, total=total)

    base_url = options.url or download.RELEASE[options.network]
    try:
        return download.download(options.network, name, base_url, show)
    finally:
        if bar.tasks:
            bar.stop()


def _print(downloaded: "Downloaded", network: str) -> None:
    from src.pretrained import files

    how = "as published" if downloaded.verified else "not verified: it is recorded, and expected of later downloads"
    console.line(f"{downloaded.path}: {'downloaded' if downloaded.new else 'already there'}")
    console.line(f"SHA-256 {downloaded.sha256} ({how})")
    found = files.find_any(network)
    use = "" if found == downloaded.path else f" feature.weights={downloaded.path}"
    console.line(f"To use it: feature={network}{use}")


def _explain(error: ValueError | OSError) -> str:
    """The message of an error, in one line."""
    if message := plain_files.no_room(error):
        return message
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {error.strerror}. The environment variable MUSIC_GENRE_CACHE chooses another folder."
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
