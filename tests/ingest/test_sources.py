from pathlib import Path

import pytest
from animatrix_ingest.watch.sources import NoSource, find


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    for name in ("a/one.mkv", "a/b/two.MP4", "a/notes.txt", "a/.trash/three.mkv", "four.dat"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


def test_files_folders_and_globs(shelf):
    assert find(["a"]) == ["a/b/two.MP4", "a/one.mkv"]
    assert find(["a/*.mkv", "four.dat"]) == ["a/one.mkv", "four.dat"]
    assert find(["**/*.MP4"]) == ["a/b/two.MP4"]
    assert find(["a", "a/one.mkv", "./a/one.mkv"]) == ["a/b/two.MP4", "a/one.mkv"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a/none.mkv", r"a/none\.mkv: no such file or folder"),
        ("a/*.avi", r"a/\*\.avi: matches no file"),
        ("a/.trash", r"a/\.trash: no video"),
    ],
)
def test_what_names_nothing_is_an_error_that_says_so(shelf, given, words):
    if given == "a/.trash":
        (Path(given) / "three.mkv").unlink()
    with pytest.raises(NoSource, match=words):
        find(["a", given])


def test_nothing_at_all_is_an_error():
    with pytest.raises(NoSource, match="none given"):
        find([])
