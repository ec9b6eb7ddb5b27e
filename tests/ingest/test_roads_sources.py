"""What a source list states reaches tables, card and quarantine; buckets give what folders give; caches are emptied."""

import json
import re
from pathlib import Path

import pytest
from animatrix_ingest import cli, engine
from animatrix_ingest.decisions import explain
from animatrix_ingest.keep import annotations, manifest, video
from animatrix_ingest.keep.store import open_store

from .road_films import FILM, Made, ingested, painted

FLAGS = ["--detector", "adaptive", "--clip-height-px", "48", "--min-shot-s", "0.2", "--max-shot-s", "2"]
EASY = ["--least-rows-px", "16", "--least-s", "0.1"]
LIST = """source,work,episode,origin,licence,permission,rating
a.mkv,Sora,1,drawn here,CC-BY-4.0,granted by the author,general
b.mkv,Sora,2,drawn here,CC-BY-4.0,granted by the author,explicit
c.mkv,Umi,1,drawn there,CC0-1.0,none needed,sensitive
d.mkv,,,,,,
"""


@pytest.fixture
def here(monkeypatch):
    """The command without Ray: its items are done in this process."""
    monkeypatch.setattr(engine, "on_ray", lambda *given: engine.in_turn())


@pytest.fixture
def listed(tmp_path) -> Path:
    """Four films of two shots each, and a list that states something of three of them."""
    for seed, name in enumerate("abcd"):
        Made().write(tmp_path / "sources" / f"{name}.mkv", painted((16, 18), 96, 64, seed))
    place = tmp_path / "sources" / "list.csv"
    place.write_text(LIST)
    return place


def told(out) -> dict[str, dict]:
    store = open_store(out)
    rows = video.read(store, video.load(store).sources, video.SOURCES).to_pylist()
    return {Path(row["source"]).name: row for row in rows}


def of_sources(out, kind: str, column: str) -> dict[str, set]:
    """The values of an annotation's column for the clips of each source."""
    clips = manifest.load(out)
    names = dict(zip(clips["key"].to_pylist(), clips["source"].to_pylist()))
    table = annotations.load_kind(open_store(out), kind)
    assert table is not None
    found: dict[str, set] = {}
    for key, value in zip(table["key"].to_pylist(), table[column].to_pylist()):
        found.setdefault(Path(names[key]).name, set()).add(value)
    return found


def test_what_a_list_stated_holds_until_a_list_says_otherwise(here, listed, tmp_path):
    out, folder = str(tmp_path / "set"), str(listed.parent)
    assert cli.main(["run", str(listed), "--out", out, *FLAGS]) == 0
    assert cli.main(["run", folder, "--out", out, *FLAGS, "--rating", "general"]) == 0
    assert (told(out)["b.mkv"]["work"], told(out)["b.mkv"]["rating"]) == ("Sora", "explicit")
    assert (told(out)["d.mkv"]["work"], told(out)["d.mkv"]["rating"]) == (None, "general")
    listed.write_text("source,work\na.mkv,Kumo\n")
    assert cli.main(["run", str(listed), "--out", out, *FLAGS]) == 0
    assert (told(out)["a.mkv"]["work"], told(out)["a.mkv"]["licence"]) == ("Kumo", None)
    assert told(out)["a.mkv"]["rating"] == "unknown" and told(out)["c.mkv"]["work"] == "Umi"


def test_what_a_list_states_reaches_tables_card_quarantine_and_report(here, listed, tmp_path, capsys):
    out = str(tmp_path / "set")
    assert cli.main(["run", str(listed), "--out", out, *FLAGS, *EASY]) == 0
    rows = told(out)
    names = ("work", "episode", "origin", "licence", "permission", "rating")
    stated = {name: [rows[name][column] for column in names] for name in rows}
    assert stated["a.mkv"] == ["Sora", "1", "drawn here", "CC-BY-4.0", "granted by the author", "general"]
    assert stated["c.mkv"] == ["Umi", "1", "drawn there", "CC0-1.0", "none needed", "sensitive"]
    assert stated["d.mkv"] == [None, None, None, None, None, "unknown"]

    tiers = of_sources(out, "tiers", "tier")
    assert tiers["b.mkv"] == {"quarantined"} and not any("quarantined" in tiers[f"{x}.mkv"] for x in "acd")
    rooms = of_sources(out, "tiers", "room")
    assert (rooms["a.mkv"], rooms["b.mkv"], rooms["d.mkv"]) == ({"open"}, {"closed"}, {"closed"})
    assert of_sources(out, "weights", "weight")["b.mkv"] == {0.0}
    groups = of_sources(out, "splits", "group")
    assert groups["a.mkv"] == groups["b.mkv"] != groups["c.mkv"]

    page = Path(out, "report.html").read_text()
    hidden = [row["key"] for row in manifest.load(out).to_pylist() if row["source"].endswith("b.mkv")]
    shown = [article for article in re.findall(r"<article.*?</article>", page, re.S) if "data:image" in article]
    assert len(hidden) == 2 and len(shown) == 6, "two clips each of a, c and d have pictures"
    assert not any(key in article for key in hidden for article in shown)

    card = Path(out, "datacard.md").read_text()
    for word in ("CC-BY-4.0", "CC0-1.0", "granted by the author", "none needed", "quarantined", "explicit"):
        assert word in card, word
    key = hidden[0]
    assert "explicit" in explain(out, key) and "quarantined" in explain(out, key)


def test_a_rating_for_all_is_that_of_every_source_that_states_none(here, listed, tmp_path):
    out = str(tmp_path / "set")
    assert cli.main(["run", str(listed), "--out", out, *FLAGS, *EASY, "--rating", "general"]) == 0
    ratings = {name: row["rating"] for name, row in told(out).items()}
    assert ratings == {"a.mkv": "general", "b.mkv": "explicit", "c.mkv": "sensitive", "d.mkv": "general"}
    assert of_sources(out, "tiers", "room")["d.mkv"] == {"open"}


def test_what_is_stated_later_counts_from_then_on(here, listed, tmp_path):
    """The list is corrected and the run is made again: nothing is decoded, the quarantine follows."""
    out = str(tmp_path / "set")
    command = ["run", str(listed), "--out", out, *FLAGS, *EASY]
    assert cli.main(command) == 0
    listed.write_text(LIST.replace("none needed,sensitive", "none needed,explicit"))
    assert cli.main(command) == 0
    assert told(out)["c.mkv"]["rating"] == "explicit"
    assert of_sources(out, "tiers", "tier")["c.mkv"] == {"quarantined"}
    page = Path(out, "report.html").read_text()
    hidden = [row["key"] for row in manifest.load(out).to_pylist() if row["source"].endswith("c.mkv")]
    shown = [article for article in re.findall(r"<article.*?</article>", page, re.S) if "data:image" in article]
    assert len(shown) == 4 and not any(key in article for key in hidden for article in shown)


def test_a_list_that_contradicts_itself_is_refused_with_its_line(here, listed, tmp_path, capsys):
    listed.write_text(LIST + "a.mkv,Sora,1,,,,explicit\n")
    assert cli.main(["run", str(listed), "--out", str(tmp_path / "set"), *FLAGS]) == 2
    said = capsys.readouterr().err
    assert "list.csv, line 6" in said and "'explicit'" in said and "line 2 says 'general'" in said
    listed.write_text(LIST.replace(",sensitive", ",sensitiv"))
    assert cli.main(["run", str(listed), "--out", str(tmp_path / "set"), *FLAGS]) == 2
    assert "line 4: rating 'sensitiv' is no rating; did you mean 'sensitive'?" in capsys.readouterr().err


def test_two_names_of_one_content_are_one_unit_with_what_both_state(here, listed, tmp_path):
    (listed.parent / "same.mkv").write_bytes((listed.parent / "d.mkv").read_bytes())
    listed.write_text(LIST + "same.mkv,Kaze,7,,,,general\n")
    out = str(tmp_path / "set")
    assert cli.main(["run", str(listed), "--out", out, *FLAGS, *EASY]) == 0
    assert len(list((tmp_path / "set" / "units").iterdir())) == 4
    clips = manifest.load(out)
    assert clips.num_rows == 8
    said = json.loads(Path(out, "video", "v1.json").read_text())["counts"]
    assert said["sources"] == {"kept": 4, "dropped": 1, "dead": 0}
    assert of_sources(out, "tiers", "room")["d.mkv"] == {"open"}, "the other name states its rating"


def test_sources_of_a_glob_and_a_folder_are_one_data_set(listed, tmp_path):
    folder, glob = tmp_path / "of_folder", tmp_path / "of_glob"
    ingested([listed.parent], folder)
    ingested([listed.parent / "*.mkv"], glob)
    assert manifest.dataset_hash(folder) == manifest.dataset_hash(glob)
    assert {row["rate"] for row in manifest.load(folder).to_pylist()} == {str(FILM)}
