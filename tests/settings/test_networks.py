"""Finding networks in folders, in the cache and on a hub, and reading their settings."""

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.settings import networks
from src.settings.networks import NetworkError
from tests.conftest import ROOT

FILES = {
    "config.json": b'{"model_type": "hubert"}',
    "preprocessor_config.json": b'{"sampling_rate": 24000}',
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickled weights",
    "own.py": b"print('code')",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of a network, as far as they are read here."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_the_sample_rate_is_the_networks_own(folder: Path) -> None:
    assert networks.sample_rate(str(folder)) == 24000
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(NetworkError, match="has no sampling_rate from 1,000 to 384,000 in preprocessor_config.json"):
        networks.sample_rate(str(folder))
    content = {"feature_extractor": {"sampling_rate": 48000}}  # the form of version 5
    (folder / "processor_config.json").write_text(json.dumps(content), encoding="utf-8")
    assert networks.sample_rate(str(folder)) == 48000


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b'{"sampling_rate": "fast"}', b'{"sampling_rate": 1}', b"\xff", b"[" * 99999]
)
def test_a_broken_file_gets_one_message(folder: Path, content: bytes) -> None:
    (folder / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(NetworkError, match=r"preprocessor_config.json|sampling_rate"):
        networks.sample_rate(str(folder))


@pytest.mark.parametrize("name", ["nowhere", "a/b/c", "../x", "x/..", "-a/b", ""])
def test_what_is_no_folder_and_no_id_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / ".")
    with pytest.raises(NetworkError, match=r"is no folder here: expected|is a folder without config.json"):
        networks.find(name)


def test_safetensors_are_preferred(folder: Path) -> None:
    assert networks.weights(folder) == [folder / "model.safetensors"]
    (folder / "model.safetensors").unlink()
    assert networks.weights(folder) == [folder / "pytorch_model.bin"]
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(NetworkError, match=r"has no weights: expected model.safetensors or pytorch_model.bin"):
        networks.weights(folder)


def test_weights_in_several_files_must_be_complete_and_in_the_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    for names in (["a.safetensors", "b.safetensors"], ["../a.safetensors"], []):
        (folder / "a.safetensors").write_bytes(b"")
        content = {"weight_map": {f"weight {k}": name for k, name in enumerate(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(NetworkError, match=r"names files that are missing: (b.safe|../a|none)"):
            networks.weights(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "a.safetensors"}}', encoding="utf-8")
    assert networks.weights(folder) == [folder / "a.safetensors"]


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub with one network, OWNER/tiny: the answers that huggingface_hub needs to download it."""

    commit = "0" * 40
    asked: list[str]

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/owner/tiny"):
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": name} for name, content in FILES.items()
            ]
            siblings = [{"rfilename": name} for name in FILES]
            info = {"id": "owner/tiny", "sha": self.commit, "siblings": siblings}
            return self.answer(json.dumps(tree if "/tree/" in path else info).encode(), "application/json")
        content = FILES.get(path.rpartition("/")[2]) if path.startswith("/owner/tiny/resolve/") else None
        return self.answer(content)

    do_HEAD = do_GET

    def answer(self, content: bytes | None, kind: str = "application/octet-stream") -> None:
        self.send_response(404 if content is None else 200)
        if content is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        else:
            self.send_header("ETag", hashlib.sha256(content).hexdigest())
            self.send_header("X-Repo-Commit", self.commit)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")


@pytest.fixture
def hub() -> Iterator[str]:
    """The address of a hub on this machine."""
    handler = type("Handler", (Hub,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def find(name: str, endpoint: str, home: Path, code: bool = False) -> str:
    """Find a network in a process of its own, because huggingface_hub reads the environment once."""
    script = (
        "import sys; from src.settings import networks\n"
        "try: print(sorted(p.name for p in networks.find(sys.argv[1], sys.argv[2] == 'True').iterdir()))\n"
        "except networks.NetworkError as error: print(error)"
    )
    environment = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "PATH": "",
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-c", script, name, str(code)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_network_is_downloaded_once_without_its_code(hub: str, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="transformers is not installed: make extra-transformers")
    wanted = "['config.json', 'model.safetensors', 'preprocessor_config.json']"
    assert find("owner/tiny", hub, tmp_path) == wanted
    assert find("owner/tiny", "http://127.0.0.1:9", tmp_path) == wanted  # from the cache: nothing listens there
    assert "own.py" in find("owner/tiny", hub, tmp_path / "with code", code=True)
    assert "the Hugging Face Hub has none of this name" in find("owner/other", hub, tmp_path)


def test_without_a_connection_there_is_one_message(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="transformers is not installed: make extra-transformers")
    answer = find("owner/tiny", "http://127.0.0.1:9", tmp_path)
    assert answer.startswith("The network owner/tiny is no folder here, it is not in the cache")
    assert "cannot be downloaded" in answer
    assert len(answer.splitlines()) == 1
