import csv
import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from animatrix_ingest.watch.sources import Given, NoSource, find

FACTS = {"work": "Kumo", "episode": "03", "origin": "disc", "licence": "own", "permission": "studio, 2026"}


def names(found):
    return [given.name for given in found]


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    for name in ("a/one.mkv", "a/b/two.MP4", "a/notes.txt", "a/.trash/three.mkv", "four.dat", "a/[G] five.mkv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory")
    for name in ("/raw/a/one.mkv", "/raw/a/two.mp4", "/raw/a/notes.txt", "/raw/.old/three.mkv", "/raw/[G] four.mkv"):
        fs.pipe(name, name.encode())
    yield fs
    fs.rm("/raw", recursive=True)


def write_csv(place, rows):
    with open(place, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(place)


def test_files_folders_and_globs(shelf):
    assert names(find(["a"])) == ["a/[G] five.mkv", "a/b/two.MP4", "a/one.mkv"]
    assert names(find(["a/one*.mkv", "four.dat"])) == ["a/one.mkv", "four.dat"]
    assert names(find(["**/*.MP4"])) == ["a/b/two.MP4"]
    assert names(find(["a/b", "a/one.mkv", "./a/one.mkv"])) == ["a/b/two.MP4", "a/one.mkv"]
    assert names(find(["a/[G] five.mkv"])) == ["a/[G] five.mkv"]
    assert names(find(["a/**"])) == names(find(["a"])) == names(find(["**"]))
    assert names(find([f"file://{shelf}/a/one.mkv"])) == [f"{shelf}/a/one.mkv"]


def test_without_a_list_nothing_is_stated_but_size_and_version(shelf):
    (shelf / "a/one.mkv").write_bytes(b"12345")
    (given,) = find(["a/one.mkv"])
    assert given == Given("a/one.mkv", size_bytes=5, version=given.version)
    assert given.rating == "unknown"
    (shelf / "a/one.mkv").write_bytes(b"123456")
    assert find(["a/one.mkv"])[0].version != given.version
    assert find(["a/one.mkv"], rating="general")[0].rating == "general"
    with pytest.raises(NoSource, match="rating 'generl' is no rating; did you mean 'general'"):
        find(["a/one.mkv"], rating="generl")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a/none.mkv", r"a/none\.mkv: no such file or folder"),
        ("a/*.avi", r"a/\*\.avi: matches no file"),
        ("a/.trash", r"a/\.trash: no video"),
        ("none.csv", r"none\.csv: no such file or folder"),
        ("memory://none/x.mkv", r"memory://none/x\.mkv: not there"),
        ("memory://raw/*.avi", r"matches no object"),
        ("nosuch://x/y.mkv", r"nosuch://x/y\.mkv: cannot be opened \(ValueError: Protocol not known"),
    ],
)
def test_what_names_nothing_is_an_error_that_says_so(shelf, memory, given, words):
    if given == "a/.trash":
        (Path(given) / "three.mkv").unlink()
    with pytest.raises(NoSource, match=words):
        find(["a", given])


def test_nothing_at_all_is_an_error():
    with pytest.raises(NoSource, match="none given"):
        find([])


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_list_states_facts_of_its_sources(shelf, ending):
    rows = [{"source": "one.mkv", **FACTS, "rating": "sensitive"}, {"source": "b"}]
    place = shelf / f"a/list.{ending}"
    if ending == "csv":
        columns = ["source", *FACTS, "rating"]
        write_csv(place, [columns, *([row.get(name, "") for name in columns] for row in rows)])
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), place)
    else:
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    two, one = find([f"a/list.{ending}"], rating="general")
    assert (two.name, two.work, two.rating) == ("a/b/two.MP4", None, "general")
    assert (one.name, one.rating, one.size_bytes) == ("a/one.mkv", "sensitive", 0)
    assert {name: getattr(one, name) for name in FACTS} == FACTS


def test_facts_of_a_file_named_twice_are_joined_and_must_agree(shelf):
    one = write_csv(shelf / "one.csv", [["source", "work"], ["a", "Kumo"]])
    two = write_csv(shelf / "two.csv", [["source", "episode", "rating"], ["a/one.mkv", "3", "unknown"]])
    found = {given.name: given for given in find(["a", one, two], rating="general")}
    assert (found["a/one.mkv"].work, found["a/one.mkv"].episode, found["a/one.mkv"].rating) == ("Kumo", "3", "unknown")
    assert (found["a/b/two.MP4"].work, found["a/b/two.MP4"].episode, found["a/b/two.MP4"].rating) == (
        "Kumo",
        None,
        "general",
    )
    assert find(["*.csv"]) == find(["one.csv", "two.csv"]), "a pattern of lists is these lists"
    write_csv(shelf / "two.csv", [["source", "work"], ["a/b/two.MP4", "Kumo"], ["a/one.mkv", "Hoshi"]])
    with pytest.raises(NoSource, match=r"two\.csv, line 3: .*one\.mkv: work is 'Hoshi', but .*one\.csv, line 2 says"):
        find([one, two])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source,license\none.mkv,own\n", r"list\.csv: column 'license' is none of a list's; did you mean 'licence'"),
        ("source,rating\none.mkv,\none.mkv,Explicit\n", r"list\.csv, line 3: rating 'Explicit' .* mean 'explicit'"),
        ("source,work\none.mkv,A\n\n,B\n", r"list\.csv, line 4: no source"),
        ("work\nA\n", r"list\.csv, line 2: no source"),
        ("source\none.mkv\nnone.mkv\n", r"list\.csv, line 3: .*none\.mkv: no such file"),
        ("source,work\none.mkv,A,B\n", r"list\.csv, line 2: 3 cells under 2 columns"),
        ("source,source\none.mkv,A\n", r"column 'source' is there twice"),
        ("source\n", r"list\.csv: has no row"),
        ('source\n"one.mkv\n', r"list\.csv, line 2: not CSV"),
        ("source\none.mkv\n\udcff\n", r"list\.csv, line 3: not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_with_file_and_line(shelf, text, words):
    (shelf / "a/list.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(NoSource, match=words):
        find(["a/list.csv"])


def test_json_lines_and_parquet_are_refused_as_well(shelf):
    (shelf / "a/list.jsonl").write_text('{"source": "one.mkv"}\n{"source": ["b"]}\n')
    with pytest.raises(NoSource, match=r"list\.jsonl, line 2: source is \['b'\]"):
        find(["a/list.jsonl"])
    (shelf / "a/list.jsonl").write_text('{"source": "one.mkv"\n')
    with pytest.raises(NoSource, match=r"list\.jsonl, line 1: not JSON"):
        find(["a/list.jsonl"])
    (shelf / "a/list.parquet").write_bytes(b"PAR1")
    with pytest.raises(NoSource, match=r"list\.parquet: not Parquet"):
        find(["a/list.parquet"])


def test_a_spreadsheet_writes_byte_order_marks_and_spaces(shelf):
    (shelf / "a/list.csv").write_bytes("\ufeffsource, work\r\none.mkv, 雲 \r\n".encode())
    assert [(given.name, given.work) for given in find(["a/list.csv"])] == [("a/one.mkv", "雲")]


def test_urls_are_searched_like_folders(memory):
    inside = ["memory://raw/[G] four.mkv", "memory://raw/a/one.mkv", "memory://raw/a/two.mp4"]
    assert names(find(["memory://raw"])) == names(find(["memory://raw/"])) == names(find(["memory://raw/**"])) == inside
    assert names(find(["memory://raw/a/*.mkv"])) == names(find(["memory://raw/**/one.*"])) == inside[1:2]
    assert names(find(["memory://raw/[G] four.mkv"])) == inside[:1]
    one = find(["memory://raw/a/one.mkv"])[0]
    assert one.size_bytes == len("/raw/a/one.mkv")
    memory.pipe("/raw/a/one.mkv", b"/raw/a/ONE.mkv")
    again = find(["memory://raw/a/one.mkv"])[0]
    assert again.size_bytes == one.size_bytes
    assert again.version != one.version


def test_a_list_may_lie_beside_its_sources_anywhere(memory, shelf):
    memory.pipe("/raw/lists/all.csv", b"source,work\n../a/one.mkv,Kumo\nmemory://raw/a/two.mp4,Hoshi\n")
    memory.pipe("/raw/all.csv", b"source,work\na/one.mkv,Kumo\n")
    one, two = ("memory://raw/a/one.mkv", "Kumo"), ("memory://raw/a/two.mp4", "Hoshi")
    assert [(given.name, given.work) for given in find(["memory://raw/all.csv"])] == [one]
    assert [(given.name, given.work) for given in find(["memory://raw/lists/all.csv"])] == [one, two]
    with pytest.raises(NoSource, match=r"all\.csv: the list cannot be read"):
        find(["memory://none/all.csv"])


def test_many_rows_of_one_remote_folder_are_one_listing(memory, monkeypatch):
    rows = "".join(f"{i}.mkv,W{i}\n" for i in range(9))
    for i in range(9):
        memory.pipe(f"/raw/many/{i}.mkv", bytes(i))
    memory.pipe("/raw/many/all.csv", f"source,work\n{rows}".encode())
    asked, info = [], type(memory).info
    monkeypatch.setattr(type(memory), "info", lambda self, path, **more: asked.append(path) or info(self, path, **more))
    found = find(["memory://raw/many/all.csv"])
    assert [(given.name, given.work, given.size_bytes) for given in found] == [
        (f"memory://raw/many/{i}.mkv", f"W{i}", i) for i in range(9)
    ]
    assert not [path for path in asked if path.endswith(".mkv")]
    memory.rm("/raw/many/3.mkv")
    with pytest.raises(NoSource, match=r"all\.csv, line 5: memory://raw/many/3\.mkv: not there"):
        find(["memory://raw/many/all.csv"])
