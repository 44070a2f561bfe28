"""benchmarks.music on small Debian packages that the tests make themselves; nothing is downloaded."""

import csv
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from benchmarks import music
from tests.conftest import tone

RATE = 44100
GAMES = "usr/share/games"
ROWS = (  # path, genre, artist, track, licence, package, file, start, duration
    ("calm/ann--hymn--1.flac", "calm", "ann", "hymn", "MIT", "solo", f"{GAMES}/hymn.ogg", 1, 2),
    ("loud/bob--jig--0.flac", "loud", "bob", "jig", "MIT", "band", f"{GAMES}/song.ogg + {GAMES}/guitar.ogg", 0, 1),
    ("loud/bob--reel--0.flac", "loud", "bob", "reel", "MIT", "band", f"{GAMES}/music.pk3!tracks/reel.ogg", 0.5, 1),
)


def _ogg(folder: Path, hz: float, level: float, seconds: float = 3) -> bytes:
    return tone(folder / "tone.ogg", hz, seconds, RATE, level, channels=2).read_bytes()


def _deb(path: Path, files: dict[str, bytes]) -> music.Package:
    """Write a .deb file and return its entry for the table of packages."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": lzma.compress(tar.getvalue())}
    deb = b"!<arch>\n"
    for name, content in members.items():
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        deb += content + b"\n" * (len(content) % 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(deb)
    return music.Package("1:2-3", f"pool/{path.name}", 1, hashlib.sha256(deb).hexdigest())


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, music.Package]:
    """Write two packages to tmp_path/pool, and the table of excerpts to tmp_path/music.csv."""
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w") as archive:
        archive.writestr("tracks/reel.ogg", _ogg(tmp_path, 660, 0.9))
    solo = {"usr/share/doc/solo/copyright": b"By Ann.", f"{GAMES}/hymn.ogg": _ogg(tmp_path, 440, 0.25)}
    band = {
        "usr/share/doc/band/copyright": b"By Bob.",
        f"{GAMES}/song.ogg": _ogg(tmp_path, 500, 0.2),
        f"{GAMES}/guitar.ogg": _ogg(tmp_path, 1500, 0.4),
        f"{GAMES}/music.pk3": pack.getvalue(),
        f"{GAMES}/unused.ogg": b"noise",
    }
    with (tmp_path / "music.csv").open("w", newline="", encoding="utf-8") as file:
        header = ("path", "genre", "artist", "track", "licence", "package", "file", "start", "duration")
        csv.writer(file).writerows([header, *ROWS])
    return {
        "solo": _deb(tmp_path / "pool" / "solo_2-3_all.deb", solo),
        "band": _deb(tmp_path / "pool" / "band_1%3a2-3_all.deb", band),
    }


def _run(tmp_path: Path, packages: dict[str, music.Package], *arguments: str) -> int:
    return music.main([str(tmp_path / "out"), *arguments], tmp_path / "music.csv", packages)


def _manifest(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "out" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _amplitude(path: Path, hz: float) -> float:
    wave_T: NDArray[np.float64] = soundfile.read(path)[0]
    return 2 * abs(np.mean(wave_T * np.exp(-2j * np.pi * hz * np.arange(len(wave_T)) / music.RATE)))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_excerpts_are_cut_mixed_and_listed(tmp_path: Path, packages: dict[str, music.Package]) -> None:
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "pool")) == 0
    out = tmp_path / "out"
    assert [tuple(row.values()) for row in _manifest(tmp_path)] == [row[:6] for row in ROWS]
    for path, *_, seconds in ROWS:
        info = soundfile.info(out / path)
        assert (info.samplerate, info.channels, info.frames) == (22050, 1, seconds * 22050)
        assert (info.format, info.subtype) == ("FLAC", "PCM_16")
    assert _amplitude(out / ROWS[0][0], 440) == pytest.approx(0.25 * 2**0.5, rel=0.02)
    assert _amplitude(out / ROWS[1][0], 500) == pytest.approx(0.2 * 0.7 * 2**0.5, rel=0.02)
    assert _amplitude(out / ROWS[1][0], 1500) == pytest.approx(0.4 * 0.7 * 2**0.5, rel=0.02)
    assert np.abs(soundfile.read(out / ROWS[2][0])[0]).max() == pytest.approx(1, abs=1e-4)  # 0.9 sqrt(2), cut off
    assert (out / "LICENSES" / "solo.copyright").read_text() == "By Ann."
    assert sorted(path.name for path in out.iterdir()) == ["LICENSES", "calm", "loud", "manifest.csv"]


def test_a_second_run_makes_only_what_is_missing(tmp_path: Path, packages: dict[str, music.Package]) -> None:
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "pool")) == 0
    before = _files(tmp_path / "out")
    (tmp_path / "out" / ROWS[1][0]).unlink()
    (tmp_path / "pool" / "solo_2-3_all.deb").unlink()
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "pool")) == 0
    assert _files(tmp_path / "out") == before


def test_packages_missing_in_the_folder_come_from_the_mirror(
    tmp_path: Path, packages: dict[str, music.Package]
) -> None:
    # %25 in a URL is the % of the file name.
    packages["band"] = packages["band"]._replace(pool="pool/band_1%253a2-3_all.deb")
    (tmp_path / "empty").mkdir()
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "empty"), "--mirror", f"{tmp_path.as_uri()}/") == 0
    assert len(_manifest(tmp_path)) == 3


def test_apt_get_downloads_by_name_and_version(
    tmp_path: Path,
    packages: dict[str, music.Package],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(
        f'#!/bin/sh\n[ "$*" = "download solo=1:2-3" ] && exec cp {tmp_path}/pool/solo_*.deb .\n'
        'echo "E: Version not found" >&2\nexit 100\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:/usr/bin:/bin")
    assert _run(tmp_path, packages) == 1
    assert [row["package"] for row in _manifest(tmp_path)] == ["solo"]
    assert "band: `apt-get download band=1:2-3` failed (E: Version not found)." in capsys.readouterr().err


def _delete_package(pool: Path) -> None:
    (pool / "band_1%3a2-3_all.deb").unlink()


def _damage_package(pool: Path) -> None:
    with (pool / "band_1%3a2-3_all.deb").open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(
    ("break_package", "reason"),
    [
        (
            _delete_package,
            "band: apt-get was not found and there is no --mirror: expected one of them. Give --mirror URL.",
        ),
        (_damage_package, "band_1%3a2-3_all.deb is damaged, or not version 1:2-3: expected sha256 "),
    ],
)
def test_a_package_that_fails_is_named_and_the_others_go_on(
    break_package: Callable[[Path], None],
    reason: str,
    tmp_path: Path,
    packages: dict[str, music.Package],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", "")
    break_package(tmp_path / "pool")
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "pool")) == 1
    assert [row["package"] for row in _manifest(tmp_path)] == ["solo"]
    messages = capsys.readouterr().err
    assert reason in messages
    assert "2 of 3 excerpts are missing." in messages
    assert messages.endswith("  pool/band_1%3a2-3_all.deb\n")


@pytest.mark.parametrize(
    ("folder", "reason"), [("pool", "gave a file with sha256 "), ("elsewhere", "cannot be downloaded (")]
)
def test_a_mirror_without_the_right_file(
    folder: str,
    reason: str,
    tmp_path: Path,
    packages: dict[str, music.Package],
    capsys: pytest.CaptureFixture[str],
) -> None:
    packages["solo"] = packages["solo"]._replace(pool=f"{folder}/solo_2-3_all.deb", sha256="0" * 64)
    assert _run(tmp_path, packages, "--mirror", tmp_path.as_uri()) == 1
    assert f"solo: {tmp_path.as_uri()}/{folder}/solo_2-3_all.deb {reason}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (f"{GAMES}/hymn.ogg", f"{GAMES}/psalm.ogg", f"solo: solo_2-3_all.deb does not contain {GAMES}/psalm.ogg."),
        ("tracks/reel.ogg", "tracks/polka.ogg", f"band: {GAMES}/music.pk3 does not contain tracks/polka.ogg."),
        (f"{GAMES}/hymn.ogg,1,", f"{GAMES}/hymn.ogg,9,", "solo: starts at 9 s, but the file is 3.00 s long"),
    ],
)
def test_a_package_without_the_excerpt(
    old: str,
    new: str,
    reason: str,
    tmp_path: Path,
    packages: dict[str, music.Package],
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = tmp_path / "music.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert _run(tmp_path, packages, "--packages", str(tmp_path / "pool")) == 1
    assert reason in capsys.readouterr().err


def test_a_file_that_is_not_a_package(tmp_path: Path) -> None:
    (tmp_path / "page.deb").write_text("<html>404</html>")
    with pytest.raises(ValueError, match="page.deb is not a Debian package: expected an ar archive"):
        music.unpack(tmp_path / "page.deb", {"song.ogg"}, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{file}"], "DIR is {file}: expected a folder"),
        (["out", "--packages", "{file}"], "--packages is {file}: expected a folder with .deb files."),
        (["out", "--mirror", "mirror/debian"], "--mirror is mirror/debian: expected a URL with http://"),
    ],
)
def test_bad_arguments_get_one_message(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SystemExit):
        music.main([argument.format(file=file) for argument in arguments])
    assert message.format(file=file) in capsys.readouterr().err


@pytest.fixture
def tagged(tmp_path: Path) -> dict[str, music.Package]:
    """Write a package of two tagged recordings, and a table with the columns that only tagged.csv has."""
    files = {"usr/share/doc/duo/copyright": b"By Cat and Dan."}
    rows = []
    for artist, genre, locked in (("cat", "Waltz", "no"), ("dan", "Polka", "yes")):
        with soundfile.SoundFile(tmp_path / "tagged.ogg", "w", RATE, 2) as file:
            file.genre = genre
            file.write(np.full((2 * RATE, 2), 0.5) * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)[:, None])
        files[f"{GAMES}/{artist}.ogg"] = (tmp_path / "tagged.ogg").read_bytes()
        path = f"dance/{artist}--x--0.flac"
        rows.append(
            (path, "dance", artist, "x", "MIT", "duo", f"{GAMES}/{artist}.ogg", 0, 1, f"GENRE={genre}", "", locked)
        )
    with (tmp_path / "music.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([music.read_rows(music.TABLES["tagged"])[0], *rows])
    return {"duo": _deb(tmp_path / "pool" / "duo_1_all.deb", files)}


def test_locked_artists_get_a_manifest_of_their_own(tmp_path: Path, tagged: dict[str, music.Package]) -> None:
    assert _run(tmp_path, tagged, "--packages", str(tmp_path / "pool")) == 0
    out = tmp_path / "out"
    assert [row["artist"] for row in music.read_rows(out / "development.csv")] == ["cat"]
    assert {row["artist"]: row["split"] for row in music.read_rows(out / "locked.csv")} == {"cat": "val", "dan": "test"}
    for artist in ("cat", "dan"):
        assert _amplitude(out / f"dance/{artist}--x--0.flac", 440) == pytest.approx(0.5, rel=0.02)  # no gain
    assert not (out / "manifest.csv").exists()


def test_a_genre_that_differs_from_the_tag_is_refused(
    tmp_path: Path, tagged: dict[str, music.Package], capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "music.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("GENRE=Polka", "GENRE=Jazz"), encoding="utf-8")
    assert _run(tmp_path, tagged, "--packages", str(tmp_path / "pool")) == 1
    assert f"duo: {GAMES}/dan.ogg has the tag GENRE=Polka: expected GENRE=Jazz." in capsys.readouterr().err
    assert music.read_rows(tmp_path / "out" / "development.csv") == []


@pytest.mark.parametrize(
    ("name", "counts", "artists"),
    [
        ("recordings", {"classical": 35, "metal": 33, "electronic": 35}, 18),
        ("tagged", {"classical": 90, "electronic": 33, "rock": 45, "soundtrack": 95}, 29),
    ],
)
def test_the_tables_are_complete(name: str, counts: dict[str, int], artists: int) -> None:
    rows = music.read_rows(music.TABLES[name])
    assert Counter(row["genre"] for row in rows) == counts
    assert len({row["path"] for row in rows}) == len(rows)
    assert all(row["path"].startswith(f"{row['genre']}/{row['artist']}--{row['track']}-") for row in rows)
    assert all(row["licence"] and float(row["start"]) >= 0 and float(row["duration"]) > 0 for row in rows)
    assert len({row["artist"] for row in rows}) == artists


def test_every_package_of_the_tables_has_its_checksum() -> None:
    packages = music.read_packages()
    used = {row["package"] for table in music.TABLES.values() for row in music.read_rows(table)}
    assert set(packages) == used
    for name, package in packages.items():
        assert re.fullmatch("[0-9a-f]{64}", package.sha256)
        assert Path(package.pool).name.startswith(f"{name}_{package.version.partition(':')[2] or package.version}_")
        assert package.megabytes > 0


TAGS = {  # the genre of each tag of tagged.csv
    "classical": {"Classical", "Romantic Classical"},
    "electronic": {"Ambient", "Electronic", "Electronica"},
    "rock": {"Death Metal", "Female Fronted Metal", "Instrumental Rock", "Thrash Metal", "Trash Metal"},
    "soundtrack": {"Game", "Soundtrack"},
}


def test_genres_and_artists_of_the_tagged_set_have_a_source() -> None:
    rows = music.read_rows(music.TABLES["tagged"])
    for row in rows:
        assert row["genre_source"].removeprefix("GENRE=") in TAGS[row["genre"]]
        assert re.match("(ARTIST|COMPOSER|COPYRIGHT)=.", row["artist_source"])
    artist_genres = {(row["artist"], row["genre"]) for row in rows}
    assert len(artist_genres) == len({artist for artist, _ in artist_genres}), "an artist with two genres"


def test_the_excerpts_of_a_track_do_not_overlap() -> None:
    starts = defaultdict[str, list[float]](list)
    for row in music.read_rows(music.TABLES["tagged"]):
        assert row["duration"] == "30"
        starts[row["file"]].append(float(row["start"]))
    assert all(len(own) <= 3 and min(np.diff(own), default=30) >= 30 for own in map(sorted, starts.values()))


def test_a_third_of_the_artists_is_locked() -> None:
    """The rule in docs/datasets.md: shares of the genres by largest remainders, then the order of the SHA-256 of the names."""
    rows = music.read_rows(music.TABLES["tagged"])
    artists = {genre: {row["artist"] for row in rows if row["genre"] == genre} for genre in TAGS}
    counts = {genre: len(names) // 3 for genre, names in artists.items()}
    for genre in sorted(artists, key=lambda genre: (-(len(artists[genre]) % 3), -len(artists[genre]))):
        counts[genre] += sum(counts.values()) < round(sum(map(len, artists.values())) / 3)
    for genre, names in artists.items():
        locked = {row["artist"] for row in rows if row["genre"] == genre and row["locked"] == "yes"}
        assert not locked & {row["artist"] for row in rows if row["locked"] == "no"}
        ordered = sorted(names, key=music.artist_order)
        assert locked == set(ordered[: counts[genre]])
        assert 1 <= len(locked) <= len(names) - 3


def test_every_genre_has_artists_to_train_to_validate_and_to_test_on() -> None:
    artists = defaultdict[tuple[str, str], set[str]](set)
    for row in music.manifests(music.read_rows(music.TABLES["tagged"]))["locked.csv"]:
        artists[row["genre"], row["split"]].add(row["artist"])
    assert {genre: len(artists[genre, "test"]) for genre in TAGS} == {
        "classical": 4,
        "electronic": 1,
        "rock": 1,
        "soundtrack": 4,
    }
    assert all(len(artists[genre, "val"]) == 1 and len(artists[genre, "train"]) >= 2 for genre in TAGS)
