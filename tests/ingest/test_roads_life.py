"""The life of a data set, by its commands: run, again, more, other settings, decide, verdicts, forget, retry, gc."""

import json
from pathlib import Path

import pytest
from animatrix_ingest import cli, engine
from animatrix_ingest.keep import annotations, manifest, video
from animatrix_ingest.keep.store import open_store

from .road_films import Made, painted

FLAGS = ["--detector", "adaptive", "--clip-height-px", "48", "--min-shot-s", "0.2", "--max-shot-s", "2"]
EASY = ["--least-rows-px", "16", "--least-s", "0.1"]


@pytest.fixture
def here(monkeypatch):
    """The commands without Ray: their items are done in this process."""
    monkeypatch.setattr(engine, "on_ray", lambda *given: engine.in_turn())


class Life:
    """A folder of sources, a data set, and the commands as one types them."""

    def __init__(self, folder: Path, capsys) -> None:
        self.sources, self.out, self._capsys = folder / "sources", folder / "set", capsys

    def film(self, name: str, seed: int, shots=(18, 20)) -> Path:
        return Made().write(self.sources / name, painted(shots, 96, 64, seed))

    def __call__(self, *words: str, status: int = 0) -> str:
        """What a command prints; of run and plan the sources, place and flags are these."""
        more = {
            "run": [str(self.sources), "--out", str(self.out), *FLAGS],
            "plan": [str(self.sources), "--out", str(self.out), *FLAGS],
        }
        self._capsys.readouterr()
        assert cli.main([words[0], *more.get(words[0], []), *words[1:]]) == status, self._capsys.readouterr()
        said = self._capsys.readouterr()
        return said.out if status != 2 else said.err

    @property
    def rows(self) -> list[dict]:
        found = manifest.load(self.out).to_pylist()
        return sorted(found, key=lambda row: (row["source"], row["start_frame"]))

    def tier(self, key: str) -> str:
        table = annotations.load_kind(open_store(self.out), "tiers")
        assert table is not None
        return dict(zip(table["key"].to_pylist(), table["tier"].to_pylist()))[key]

    @property
    def generations(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        found = manifest.generations(self.out)
        return found.video, found.labels

    def bytes_of(self, *folders: str) -> dict[str, bytes]:
        return {str(p.relative_to(self.out)): p.read_bytes() for f in folders for p in (self.out / f).rglob("*.*")}


@pytest.fixture
def life(here, tmp_path, capsys) -> Life:
    made = Life(tmp_path, capsys)
    made.film("a.mkv", 1)
    return made


def never(*given, **named):
    raise AssertionError("something was decoded")


def test_again_does_nothing_and_more_adds(life, monkeypatch):
    assert "2 clips" not in life("plan") and "1 new, 0 known, 0 done" in life("plan")
    assert "1 = 1 kept" in life("run", *EASY)
    before = life.bytes_of("video", "labels", "shards", "parts", "tables", "sides", "units")
    with monkeypatch.context() as patch:
        patch.setattr("animatrix_ingest.watch.look.frames", never)
        assert life("run", *EASY).startswith("nothing to do: all 1 sources are in")
    assert life.bytes_of("video", "labels", "shards", "parts", "tables", "sides", "units") == before
    life.film("b.mkv", 2)
    said = life("plan")
    assert f"new       {life.sources / 'b.mkv'}" in said and "1 new, 0 known, 1 done, 0 dead" in said
    life("run", *EASY)
    assert len(life.rows) == 4 and life.generations[0] == (1, 2)
    after = life.bytes_of("video", "labels", "shards", "parts", "tables")
    assert {name: after[name] for name in before if name in after} == {n: before[n] for n in before if n in after}
    said = life("status", str(life.out))
    for line in ("video    generation 2, the highest of 2", "sources  2 = 2 kept + 0 dropped + 0 dead",
                 "shots    4 = 4 kept", "shards   2,", "waiting  0 finished",
                 manifest.dataset_hash(life.out)):  # fmt: skip
        assert line in said, said


def test_other_settings_are_a_generation_of_their_own(life):
    life("run", *EASY)
    first, old_hash = life.rows, manifest.dataset_hash(life.out)
    said = life("plan", "--crf", "30")
    assert "another video generation" in said and "crf 18 -> 30" in said
    life("run", *EASY, "--crf", "30")
    assert not {row["key"] for row in first} & {row["key"] for row in life.rows}
    assert life.generations[0] == (1, 2)
    old = manifest.load(life.out, video=1)
    assert sorted(old["key"].to_pylist()) == sorted(row["key"] for row in first)
    assert manifest.dataset_hash(life.out, video=1) == old_hash, "by its number the old one is what it was"
    assert life("verify", str(life.out), "--video", "1").count("all as it was written") == 1


def test_deciding_anew_decodes_nothing_and_touches_no_video(life, monkeypatch):
    life("run")
    assert {life.tier(row["key"]) for row in life.rows} == {"raw"}, "48 rows are less than the 240 of the default"
    shards_before, (videos, labels) = life.bytes_of("shards", "video", "parts", "sides"), life.generations
    monkeypatch.setattr("animatrix_ingest.watch.look.frames", never)
    life("decide", str(life.out), *EASY, "--most-edge-blur-px", "100", "--most-blocking", "100")
    assert {life.tier(row["key"]) for row in life.rows} <= {"technical", "B"}
    assert life.bytes_of("shards", "video", "parts", "sides") == shards_before
    assert life.generations == (videos, (*labels, labels[-1] + 1))
    life("decide", str(life.out), *EASY, "--most-edge-blur-px", "100", "--most-blocking", "100")
    assert life.generations == (videos, (*labels, labels[-1] + 1)), "what says nothing new is no generation"
    assert "decided  with other settings before, and left so" in life("run", *EASY)
    assert life.generations == (videos, (*labels, labels[-1] + 1))


OPEN = [*EASY, *(word for name in ("edge-blur-px", "blocking", "banding", "clipped", "static", "text", "subtitle",
                                   "credits", "title") for word in (f"--most-{name}", "1000"))]  # fmt: skip


def test_experts_decide_a_and_s_and_explain_says_why(life):
    life("run", *OPEN, "--rating", "general")
    one, two = (row["key"] for row in life.rows)
    verdicts = life.sources.parent / "experts.csv"
    verdicts.write_text(f"key,verdict,who,when,note\n{one},S,Aoi,2026-01-02,\n{two},A,Aoi,2026-01-02,\n")
    life("decide", str(life.out), *OPEN, "--verdicts", str(verdicts), "--agreement", "0.5", "--least", "1")
    assert (life.tier(one), life.tier(two)) == ("S", "A")
    said = life("explain", one[:10], "--dataset", str(life.out))
    assert "tier        S" in said and "rating      general" in said and "split       " in said
    assert "height_px >= 16: 48" in said and "duration_s >= 0.1" in said and said.count(" holds ") >= 8
    verdicts.write_text(f"key,verdict,who,when,note\n{one},quarantine,Aoi,2026-01-03,looks young\n")
    life("decide", str(life.out), *OPEN, "--verdicts", str(verdicts))
    assert life.tier(one) == "quarantined" and life.tier(two) != "quarantined"
    assert "verdict quarantine of Aoi, 2026-01-03: looks young" in life("explain", one, "--dataset", str(life.out))
    page = (life.out / "report.html").read_text()
    articles = [part for part in page.split("<article")[1:] if "data:image" in part]
    assert articles and not any(one in part for part in articles), "its pictures leave the report at once"


def test_what_experts_quarantine_stays_so_when_sources_come(life):
    """A later run has no file of verdicts: it must not let out what a person has taken out."""
    life("run", *OPEN, "--rating", "general")
    one = life.rows[0]["key"]
    verdicts = life.sources.parent / "experts.csv"
    verdicts.write_text(f"key,verdict,who,when\n{one},quarantine,Aoi,2026-01-03\n")
    life("decide", str(life.out), *OPEN, "--verdicts", str(verdicts))
    life.film("b.mkv", 2)
    life("run", *OPEN, "--rating", "general")
    assert len(life.rows) == 4 and life.tier(one) == "quarantined"
    life("run", *OPEN, "--rating", "general", "--crf", "30")
    other = next(row for row in life.rows if (row["source"][-5], row["start_frame"]) == ("a", 0))["key"]
    assert other != one and life.tier(other) == "quarantined", "the same seconds under another key"
    life("forget", str(life.sources / "a.mkv"), "--dataset", str(life.out))
    assert [life.tier(row["key"]) == "quarantined" for row in life.rows] == [False, False]


def test_what_is_forgotten_stays_forgotten(life):
    life.film("b.mkv", 2)
    life("run", *EASY)
    gone = life.sources / "b.mkv"
    keys = [row["key"] for row in life.rows if row["source"] == str(gone)]
    assert "2 clips in" in life("forget", str(gone), "--dataset", str(life.out))
    assert {row["source"] for row in life.rows} == {str(life.sources / "a.mkv")}
    assert "1 forgotten" in life("plan")
    life("run", *EASY)
    assert len(life.rows) == 2
    for row in life.rows:
        assert not [key for key in keys if key.encode() in (life.out / "shards" / row["shard"]).read_bytes()]
    life("verify", str(life.out))
    would = life("gc", str(life.out), "--dry-run", "--min-age-h", "0", "--drop-forgotten")
    assert "would be removed" in would and "video/v1.json" in would and (life.out / "video" / "v1.json").exists()
    done = life("gc", str(life.out), "--min-age-h", "0", "--drop-forgotten")
    assert would.splitlines()[:-1] == done.splitlines()[:-1]
    assert not [p for p in (life.out / "shards").iterdir() if any(key.encode() in p.read_bytes() for key in keys)]
    life("verify", str(life.out))
    page = (life.out / "report.html").read_text()
    assert not any(key in page for key in keys) and all(row["key"] in page for row in life.rows)


def test_a_dead_letter_is_taken_up_when_its_file_is_mended(life):
    broken = life.film("b.mkv", 2)
    good = broken.read_bytes()
    broken.write_bytes(good[:300])
    assert "dead" in life("run", *EASY)
    said = life("status", str(life.out))
    assert f"dead   {broken}: probe: " in said and "(1 attempt)" in said
    assert "1 dead" in life("plan")
    assert "1 dead" in life("retry", str(life.out), status=1)
    assert "(2 attempts)" in life("status", str(life.out))
    broken.write_bytes(good)
    said = life("retry", str(life.out))
    assert "1 = 1 kept + 0 dropped + 0 dead" in said and "4 clips" in said.replace("clips    4", "4 clips")
    assert "dead   " not in life("status", str(life.out))
    assert life("retry", str(life.out)).startswith("nothing is dead")
    assert {life.tier(row["key"]) for row in life.rows} <= {"raw", "technical", "B"}
    assert (life.out / "report.html").read_text().count("data:image") == 4
    assert {row["source"] for row in life.rows} == {str(broken), str(life.sources / "a.mkv")}


def test_verify_says_which_clip_of_which_shard_is_harmed(life):
    life("run", *EASY)
    row = life.rows[1]
    place = life.out / "shards" / row["shard"]
    data = bytearray(place.read_bytes())
    data[row["offset"] + row["length"] // 2] ^= 4
    place.write_bytes(data)
    said = life("verify", str(life.out), status=1)
    assert f"shards/{row['shard']}#{row['key']}.mp4: not the bytes that were committed" in said
    assert f"shards/{row['shard']}: its bytes hash to sha256" in said and life.rows[0]["key"] not in said


def test_the_report_and_the_card_can_be_made_again(life):
    life("run", *EASY)
    page, card = ((life.out / name).read_bytes() for name in ("report.html", "datacard.md"))
    for name in ("report.html", "datacard.md", "datacard.html"):
        (life.out / name).unlink()
    life("report", str(life.out))
    assert (life.out / "report.html").read_bytes() == page
    assert (life.out / "datacard.md").read_bytes() == card


WRONG = [
    (["run", "NONE.mkv", "--out", "SET"], ("NONE.mkv", "no such file or folder", "check the path")),
    (["run", "SRC/*.xyz", "--out", "SET"], ("*.xyz", "matches no file", "check the pattern")),
    (["run", "SRC", "--out", "THESIS"], ("THESIS", "not empty and not a data set", "")),
    (["run", "SRC", "--out", "SET", "--min-shot-s", "4"], ("max_shot_s: 10", "less than three times", "")),
    (["run", "SRC", "--out", "SET", "--clip-height-px", "47"], ("47", "clip_height_px", "even number from 16 on")),
    (["run", "SRC", "--out", "SET", "--detector", "magic"], ("magic", "detector", "ours")),
    (["run", "SRC", "--out", "SET", "--rating", "naughty"], ("naughty", "rating", "explicit")),
    (["run", "SRC", "--out", "SET", "--most-static", "-1"], ("-1", "most", "")),
    (["plan", "NONE.mkv", "--out", "SET"], ("NONE.mkv", "no such file", "check the path")),
    (["status", "NONE"], ("NONE", "no data set here", "")),
    (["retry", "NONE"], ("NONE", "no data set here", "")),
    (["decide", "NONE"], ("NONE", "no data set here", "")),
    (["report", "NONE"], ("NONE", "no data set here", "")),
    (["verify", "NONE"], ("NONE", "no data set here", "")),
    (["gc", "NONE"], ("NONE", "no data set here", "")),
    (["explain", "abc", "--dataset", "NONE"], ("NONE", "no data set here", "")),
    (["forget", "x", "--dataset", "NONE"], ("NONE", "no data set here", "")),
    (["forget", "x.mkv", "--dataset", "SET"], ("x.mkv", "no source of video generation 1", "`status` lists them")),
    (["explain", "zzz", "--dataset", "SET"], ("zzz", "is no clip of this data set", "report.html")),
    (["verify", "SET", "--video", "7"], ("7", "no video generation 7", "there are [1]")),
    (["decide", "SET", "--verdicts", "NONE.csv"], ("NONE.csv", "", "")),
    (["decide", "SET", "--verdicts", "BAD.csv"], ("BAD.csv, line 2", "'great'", "write S, A, B")),
    (["decide", "SET", "--verdicts", "THESIS/thesis.txt"], ("thesis.txt", "", "csv")),
    (["decide", "SET", "--held-out", "2"], ("2", "", "")),
    (["gc", "SET", "--min-age-h", "-1"], ("-1", "min", "")),
    (["report", "SET", "--shots", "-3"], ("-3", "shots", "")),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished data set, a folder that is none, and a file of verdicts with a slip in it."""
    folder = tmp_path_factory.mktemp("wrong")
    Made().write(folder / "SRC" / "a.mkv", painted((18,), 96, 64))
    (folder / "THESIS").mkdir()
    (folder / "THESIS" / "thesis.txt").write_text("mine")
    (folder / "BAD.csv").write_text("key,verdict,who,when\nabc,great,Aoi,2026-01-02\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "on_ray", lambda *given: engine.in_turn())
        assert cli.main(["run", str(folder / "SRC"), "--out", str(folder / "SET"), *FLAGS]) == 0
    return folder


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_argument_is_told_with_value_place_and_remedy(here, finished, monkeypatch, capsys, words, told):
    monkeypatch.chdir(finished)
    try:
        status = cli.main(words)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr()
    text = " ".join((said.out + said.err).replace("│", " ").split())
    assert status == 2, text
    for word in told:
        assert word in text, text
    assert "Traceback" not in text


def test_every_row_of_every_table_is_json_of_one_kind(life):
    """What people and other programs read of a generation opens without this package."""
    life("run", *EASY)
    said = json.loads((life.out / "video" / "v1.json").read_text())
    assert said["counts"]["shots"] == {"kept": 2, "dropped": 0, "dead": 0}
    store = open_store(life.out)
    assert video.load(store).hash == said["hash"]
