"""The comparison with other libraries: turns, ratios, and a peer that answers or falls over."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import speed
from benchmarks.peers import environment
from benchmarks.peers.environment import Peer, PeerError, peer_python

ECHO = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "fall":
        sys.exit("no such luck")
    print(json.dumps({"seconds": 2.0, "samples": asked["n"]}), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "echo.py"
    path.write_text(ECHO)
    return str(path)


def test_a_peer_answers_line_by_line_and_says_why_it_stopped(script: str, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    Path(script).rename(folder / "echo.py")
    with Peer(Path(sys.executable), str(folder / "echo.py"), folder) as peer:
        assert peer.ask({"do": "train", "n": 10}) == {"seconds": 2.0, "samples": 10}
        assert peer.ask({"do": "train", "n": 11})["samples"] == 11
        with pytest.raises(PeerError, match="no such luck"):
            peer.ask({"do": "fall"})


def test_an_environment_that_is_up_to_date_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(environment.venv, "create", lambda *_, **__: pytest.fail("made again"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    wanted = environment.hashlib.sha256(environment.REQUIREMENTS.read_bytes()).hexdigest()
    (tmp_path / environment.STAMP).write_text(wanted)
    assert peer_python(tmp_path) == tmp_path / "bin" / "python"


def test_a_failing_pip_is_an_error_and_leaves_no_stamp(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(PeerError, match="--peers"):
        peer_python(tmp_path)
    assert not (tmp_path / environment.STAMP).exists()


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    seconds = {"theirs": iter([100.0, 4.0, 8.0]), "ours": iter([100.0, 2.0, 1.0])}

    def side(name: str):
        def run() -> dict[str, float]:
            order.append(name)
            return {"seconds": next(seconds[name]), "samples": 16}

        return run

    runs, answers = speed.in_turns({n: side(n) for n in seconds}, 2, "samples")
    assert order == ["theirs", "ours"] * 3
    assert runs == {"theirs": [4.0, 2.0], "ours": [8.0, 16.0]}
    assert answers["ours"]["seconds"] == 1.0
    found = speed.compared(runs)
    # 8 / 4 in one round and 16 / 2 in the other, not the best of ours against the worst of theirs.
    assert found["ratios"] == {"theirs": {"median": 5.0, "low": 2.0, "high": 8.0}}
    assert found["per_second"]["ours"] == {"median": 12.0, "low": 8.0, "high": 16.0}


def test_our_sides_run_on_small_data(monkeypatch) -> None:
    monkeypatch.delenv("REAL_DATA_DIR", raising=False)
    train = speed._drawn(np.random.default_rng(0), 3_000)
    assert len(train) == 3_000
    assert speed._our_epoch(train, 409)["samples"] == 15_000
    assert speed.measure_ease(argparse.Namespace(data=None, repeats=1)) is None


def test_our_evaluation_uses_the_given_vectors() -> None:
    rng = np.random.default_rng(0)
    users = rng.normal(size=(50, speed.WIDTH)).astype(np.float32)
    items = rng.normal(size=(90, speed.WIDTH)).astype(np.float32)
    history = np.array([(u, i) for u in range(50) for i in range(90) if (u + i) % 5 == 0])
    scores = users @ items.T
    scores[history[:, 0], history[:, 1]] = -np.inf
    order = np.argsort(-scores, axis=1)
    # Half of the targets stand in the last place of the list, the others one place behind it.
    place = np.where(np.arange(50) % 2 == 0, speed.LIST_LENGTH - 1, speed.LIST_LENGTH)
    targets = np.stack([np.arange(50), order[np.arange(50), place]], axis=1)
    answer = speed._our_evaluation(history, targets, users, items)()
    assert answer["recall"] == pytest.approx(0.5)
    assert answer["users"] == 50
