"""Damaged films through the real ingest: the short form of `make fuzz`."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from animatrix_ingest.decide.conserve import Counts

from benchmarks import faults_forks, mutate, mutated


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> mutated.Seen:
    """In a process of its own: a worker's memory would count what the other tests of this one have left."""
    folder = tmp_path_factory.mktemp("mutated")
    code = "import pickle, sys; from pathlib import Path; from benchmarks import mutated; "
    code += "Path(sys.argv[3]).write_bytes(pickle.dumps(mutated.run(int(sys.argv[1]), Path(sys.argv[2]))))"
    place = folder / "seen.pickle"
    command = [sys.executable, "-c", code, str(3 * len(mutate.FILMS)), str(folder / "films"), str(place)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    return pickle.loads(place.read_bytes())


def test_every_film_meets_every_damage(seen):
    met = {(mutant.film, mutant.kind) for mutant in seen.mutants}
    assert met == {(film.name, kind) for film in mutate.FILMS for kind in mutate.KINDS}


def test_no_damaged_film_crashes_or_hangs_its_worker(seen):
    assert seen.bad() == []
    assert seen.peak_mib < mutated.MEMORY_MIB


def test_every_damaged_film_is_accounted_for(seen):
    assert seen.sources.all == len(seen.mutants) == len(seen.outcomes)
    assert all(end.reason for end in seen.outcomes.values() if end.outcome != "kept")
    assert min(seen.sources.kept, seen.sources.dead) > 0, "some are damaged beyond use and some are not"
    assert [figure.what for figure in mutated.figures(seen) if figure.holds is False] == []


def test_a_mutant_is_made_again_from_its_seed(tmp_path):
    whole = mutate.films(tmp_path)
    twice = [list(mutate.mutants(whole, 40, seed=7)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert all(mutant.data != whole[mutant.film][1] for mutant in twice[0] if mutant.kind == "bit flips")


def test_whole_films_are_all_kept(tmp_path):
    """What the mutants are made of is good: every container and codec."""
    from animatrix_ingest import engine, pipeline

    mutate.films(tmp_path / "films")
    summary = pipeline.run([str(tmp_path / "films")], tmp_path / "set", mutated.SETTINGS, engine.in_turn)
    assert summary.sources == Counts(len(mutate.FILMS), 0, 0), [end for end in summary.outcomes if end.reason]


class Wrong:
    """A task whose items say how it ends."""

    def __call__(self, item, tell):
        if item == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "endless":
            while True:
                pass
        if item == "raise":
            raise ValueError("no")
        return item


def test_the_harness_sees_a_crash_a_hang_and_an_exception():
    forks = faults_forks.Forks(limit_s=1.0)
    with forks() as carry:
        found = dict(carry(Wrong(), ["fine", "crash", "endless", "raise"], None))
    assert found.pop("fine") == "fine" and len(found) == 3
    words = {name: end.words for name, end in forks.ends.items()}
    wanted = {"fine": "done", "crash": "killed by SIGKILL", "endless": "over 1 s", "raise": "raised ValueError: no"}
    assert words == wanted
