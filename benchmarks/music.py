"""Rebuild real recordings from Debian packages: `python -m benchmarks.music DIR [--set tagged] [--packages FOLDER]`.

Two sets: the 103 recordings of docs/results.md (music.csv), and with `--set tagged` a larger one whose genres stand in
the files' own tags (tagged.csv). The tables give the source of each excerpt: Debian package, file in the package (`!`
separates a zip file from the file in it, ` + ` separates two stems that are mixed), start and duration in seconds;
tagged.csv also quotes the tags for genre and artist, which are checked. packages.csv has the packages (0.8 and 1.4 GB).
They are read from FOLDER; if they are not there, they are downloaded from `--mirror URL` or, without one, by apt-get
(no root needed). With FOLDER or URL the program also runs on systems other than Debian. It writes DIR/GENRE/*.flac
(mono, 22,050 Hz, 16 bit), DIR/LICENSES and DIR/manifest.csv; of the tagged set, DIR/development.csv and DIR/locked.csv.
Existing files stay; a package is needed only if one of its files is missing.
"""

import argparse
import csv
import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.client import HTTPException
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, NamedTuple
from urllib.request import urlopen
from zipfile import ZipFile

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.audio import reader
from src.console import note, track
from src.plain_files import write_csv

FOLDER = Path(__file__).parent
TABLES = {"recordings": FOLDER / "music.csv", "tagged": FOLDER / "tagged.csv"}
MANIFEST = ("path", "genre", "artist", "track", "licence", "package")
RATE = 22050
# The figures in docs/ for music.csv were measured on (left + right) / sqrt(2), but reader.read takes the mean.
LEVEL = 2**0.5
STEM_LEVEL = 0.7  # gain of each of two stems (song and guitar), since each is mastered close to full scale

Row = dict[str, str]


class Package(NamedTuple):
    """The version of a Debian package that the figures were measured on: path on a mirror, size and checksum."""

    version: str
    pool: str
    megabytes: int
    sha256: str


def read_packages(path: Path = FOLDER / "packages.csv") -> dict[str, Package]:
    """Read the table of packages -> name: package."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["package"]: Package(row["version"], row["pool"], int(row["megabytes"]), row["sha256"])
            for row in csv.DictReader(file)
        }


def read_rows(table: Path) -> list[Row]:
    """Read a table of excerpts: music.csv or tagged.csv."""
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def build(
    rows: Iterable[Row], target: Path, packages: Mapping[str, Package], folder: Path | None, mirror: str | None
) -> Iterator[Row]:
    """Write the excerpts to `target` and yield the row of each finished excerpt; report a package that fails and go on."""
    for name, group in groupby(sorted(rows, key=itemgetter("package")), key=itemgetter("package")):
        own_rows = list(group)
        licence = target / "LICENSES" / f"{name}.copyright"
        if licence.exists() and all((target / row["path"]).exists() for row in own_rows):
            yield from own_rows
            continue
        try:
            with TemporaryDirectory(dir=target, prefix=".") as scratch:
                deb = find(name, packages[name], folder) or download(name, packages[name], Path(scratch), mirror)
                document = f"usr/share/doc/{name}/copyright"
                files = {file.partition("!")[0] for row in own_rows for file in row["file"].split(" + ")}
                unpack(deb, {document, *files}, Path(scratch))
                for row in own_rows:
                    check_genre(Path(scratch), row)
                for row in own_rows:
                    if not (target / row["path"]).exists():
                        part = Path(scratch) / "part.flac"
                        soundfile.write(part, cut(Path(scratch), row), RATE, subtype="PCM_16")
                        _move(part, target / row["path"])
                    yield row
                _move(Path(scratch) / document, licence)
        except (ValueError, OSError) as error:
            note(f"{name}: {error}")


def find(name: str, package: Package, folder: Path | None) -> Path | None:
    """Find the package's .deb file in a folder; None if no file has its name.

    Raises ValueError if files have its name, but none has its checksum.
    """
    debs = sorted(folder.glob(f"{name}_*.deb")) if folder else []
    if matching := [path for path in debs if _sha256(path) == package.sha256]:
        return matching[0]
    if debs:
        raise ValueError(
            f"{', '.join(map(str, debs))} is damaged, or not version {package.version}: expected sha256 "
            f"{package.sha256}. Remove it, or put the right file in the same folder."
        )
    return None


def download(name: str, package: Package, folder: Path, mirror: str | None) -> Path:
    """Download the package's .deb file into `folder`. Raises ValueError with the reason if this fails."""
    note(f"{name}: downloading {package.megabytes} MB")
    if mirror:
        origin = f"{mirror.rstrip('/')}/{package.pool}"
        try:
            with urlopen(origin, timeout=60) as source, (folder / "package.deb").open("wb") as file:
                shutil.copyfileobj(source, file)
        except (OSError, HTTPException) as error:
            raise ValueError(f"{origin} cannot be downloaded ({error}).") from error
    elif shutil.which("apt-get"):
        origin = f"apt-get download {name}={package.version}"
        process = subprocess.run(origin.split(), cwd=folder, capture_output=True, text=True)
        if process.returncode:
            errors = [line for line in process.stderr.splitlines() if line.startswith("E:")]
            raise ValueError(f"`{origin}` failed ({' '.join(errors)}).")
    else:
        raise ValueError("apt-get was not found and there is no --mirror: expected one of them. Give --mirror URL.")
    (deb,) = folder.glob("*.deb")
    if _sha256(deb) != package.sha256:
        raise ValueError(f"{origin} gave a file with sha256 {_sha256(deb)}: expected {package.sha256}.")
    return deb


def unpack(deb: Path, names: set[str], folder: Path) -> None:
    """Extract the files `names` of a package to `folder`. A .deb is an ar archive; its data.tar holds the files.

    Raises ValueError if the package does not contain one of the files.
    """
    with deb.open("rb") as file:
        _seek_data(deb, file)
        with tarfile.open(fileobj=file, mode="r|*") as tar:
            missing = set(names)
            for member in tar:
                name = member.name.removeprefix("./")
                if name in missing and (source := tar.extractfile(member)):
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    with (folder / name).open("wb") as copy:
                        shutil.copyfileobj(source, copy)
                    missing.remove(name)
                if not missing:
                    return
    raise ValueError(f"{deb.name} does not contain {', '.join(sorted(missing))}.")


def _seek_data(deb: Path, file: BinaryIO) -> None:
    """Move to the start of data.tar. An ar archive is an 8-byte magic word, then members with a 60-byte header each."""
    if file.read(8) == b"!<arch>\n":
        while header := file.read(60):
            if header.startswith(b"data.tar"):
                return
            size = int(header[48:58])
            file.seek(size + size % 2, 1)  # members start at even offsets
    raise ValueError(f"{deb} is not a Debian package: expected an ar archive that contains data.tar.")


def cut(folder: Path, row: Row) -> NDArray[np.float32]:
    """Cut one excerpt out of the unpacked recording and mix its stems -> wave (T,), clipped to [-1, 1] for 16 bits."""
    start = float(row["start"])
    paths = [_recording(folder, name) for name in row["file"].split(" + ")]
    stems_ST = [reader.read(path, RATE, start, start + float(row["duration"])) for path in paths]
    gain = (1.0 if "locked" in row else LEVEL) * (1.0 if len(stems_ST) == 1 else STEM_LEVEL)
    wave_T: NDArray[np.float32] = (gain * np.sum(stems_ST, axis=0)).clip(-1, 1)
    return wave_T


def check_genre(folder: Path, row: Row) -> None:
    """Compare the genre tag that the table quotes with the tag in the file. Raises ValueError if they differ."""
    for name in row["file"].split(" + ") if "genre_source" in row else ():
        with soundfile.SoundFile(_recording(folder, name)) as file:
            tag = f"GENRE={file.copy_metadata().get('genre', '')}"
        if tag != row["genre_source"]:
            raise ValueError(f"{name} has the tag {tag}: expected {row['genre_source']}.")


def manifests(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Assign the excerpts to the manifests to write: one, or two if the table has the column `locked`.

    These are development.csv, without the locked artists, and locked.csv, with all artists and a column `split`: the locked
    artists are tested, the next artist of each genre in the order of `artist_order` validates, the others train.
    """
    if "locked" not in rows[0]:
        return {"manifest.csv": list(rows)}
    development = [row for row in rows if row["locked"] == "no"]
    next_artist = {
        genre: min((row["artist"] for row in development if row["genre"] == genre), key=artist_order)
        for genre in sorted({row["genre"] for row in development})
    }

    def subset(row: Row) -> str:
        if row["locked"] == "yes":
            return "test"
        return "val" if row["artist"] == next_artist[row["genre"]] else "train"

    return {"development.csv": development, "locked.csv": [row | {"split": subset(row)} for row in rows]}


def artist_order(artist: str) -> str:
    """Sort key of artists, which nobody chose: the SHA-256 of the name."""
    return hashlib.sha256(artist.encode()).hexdigest()


def _recording(folder: Path, name: str) -> Path:
    outer, _, inner = name.partition("!")
    if not inner:
        return folder / outer
    with ZipFile(folder / outer) as archive:
        if inner not in archive.namelist():
            raise ValueError(f"{outer} does not contain {inner}.")
        return Path(archive.extract(inner, folder))


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(
    arguments: Sequence[str] | None = None, table: Path | None = None, packages: Mapping[str, Package] | None = None
) -> int:
    """Build the folder and print the paths of its manifests -> exit status: 0, or 1 if excerpts are missing."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.music",
        description="Rebuild real recordings from Debian packages: those of docs/results.md, or a larger set.",
    )
    parser.add_argument("target", type=Path, metavar="DIR", help="the folder to write to: 90 or 230 MB")
    parser.add_argument(
        "--set",
        choices=TABLES,
        default="recordings",
        help="the 103 recordings (default), or a larger set whose genres stand in the files' tags",
    )
    parser.add_argument("--packages", type=Path, metavar="FOLDER", help="a folder with .deb files")
    parser.add_argument(
        "--mirror", metavar="URL", help="the Debian mirror to download from (default: what apt-get uses)"
    )
    options = parser.parse_args(arguments)
    if options.packages and not options.packages.is_dir():
        parser.error(f"--packages is {options.packages}: expected a folder with .deb files.")
    if options.mirror and not options.mirror.startswith(("http://", "https://", "file://")):
        parser.error(
            f"--mirror is {options.mirror}: expected a URL with http://, https:// or file://, of the folder that contains pool/."
        )
    try:
        options.target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"DIR is {options.target}: expected a folder, or a path where one can be made ({error}).")
    rows = read_rows(table or TABLES[options.set])
    packages = packages or read_packages()
    finished = build(rows, options.target, packages, options.packages, options.mirror)
    for _ in track(finished, "Excerpts", total=len(rows)):
        pass
    missing = [row for row in rows if not (options.target / row["path"]).exists()]
    for name, own_rows in manifests(rows).items():
        columns = [*MANIFEST, *(["split"] if "split" in own_rows[0] else [])]
        cells = ([row[column] for column in columns] for row in own_rows if (options.target / row["path"]).exists())
        write_csv(options.target / name, columns, cells)
        print(options.target / name)
    if missing:
        note(
            f"{len(missing)} of {len(rows)} excerpts are missing. Run again with --mirror URL, a Debian mirror that has "
            "these files, or download them into a folder and run again with --packages FOLDER:"
        )
        for name in sorted({row["package"] for row in missing}):
            note(f"  {packages[name].pool}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
