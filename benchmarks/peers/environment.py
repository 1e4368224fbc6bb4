"""An environment for the peers, and talking to them in it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
STAMP = "peers-installed"


class PeerError(RuntimeError):
    """The peers could not be installed, or one of them stopped."""


def peer_python(folder: Path) -> Path:
    """The interpreter of the peers' environment, which is made where it is not there yet.

    Parameters
    ----------
    folder
        Where the environment lies. One that was made from other requirements is brought up to
        date.

    Raises
    ------
    PeerError
        If pip fails; its message stands above.
    """
    python = folder.absolute() / "bin" / "python"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = folder / STAMP
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing the peers into {folder.name}; this takes minutes, once", file=sys.stderr)
    if not python.exists():
        venv.create(folder, with_pip=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS])
    if done.returncode:
        raise PeerError(
            f"pip could not install {REQUIREMENTS.name} into {folder}: see its message above. "
            "RecBole 1.2.1 needs Python 3.11 or older; --peers names another folder"
        )
    stamp.write_text(wanted)
    return python


class Peer:
    """A peer's process: one line of JSON asks, one answers. Use it in a ``with`` block.

    Parameters
    ----------
    python
        Interpreter of the peers' environment.
    script
        File beside this one.
    folder
        What the script is given.
    """

    def __init__(self, python: Path, script: str, folder: Path) -> None:
        self._name = script
        self._log = (folder / f"{script}.log").open("w+")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [python, HERE / script, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=folder,
            env=environment | {"CUDA_VISIBLE_DEVICES": ""},
        )

    def __enter__(self) -> Self:
        return self

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises
        ------
        PeerError
            If the process ended instead; the message holds the end of what it printed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._process.wait()
            self._log.seek(0)
            said = "".join(self._log.readlines()[-20:])
            raise PeerError(f"{self._name} ended with {self._process.returncode}:\n{said}")
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
