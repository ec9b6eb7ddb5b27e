import csv

import pyarrow as pa
import pytest
from animatrix_ingest import datacard_write, engine, pipeline
from animatrix_ingest.decide.settings import Deciding, Thresholds
from animatrix_ingest.decide.tiers import Rule
from animatrix_ingest.decide.tiers_rules import rules
from animatrix_ingest.decide.together import decide
from animatrix_ingest.keep import annotations, manifest, video
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.scores import SCORES

GOOD = {"constant_rate": 1.0, "cadence": "progressive"}


@pytest.fixture
def dataset(film, small, tmp_path):
    """A data set of three sources from a list; one of them is no video."""
    film("one.mkv", [20, 30], 1)
    film("two.mkv", [25, 30], 2)
    (tmp_path / "sources/text.mp4").write_text("not a film")
    with open(tmp_path / "sources/list.csv", "w", newline="") as file:
        rows = [["source", "work", "licence", "rating"], ["one.mkv", "Kumo", "own", "general"], ["two.mkv", "Kumo"]]
        csv.writer(file).writerows([*rows[:2], [*rows[2], "", "explicit"], ["text.mp4", "", "", ""]])
    return pipeline.run([str(tmp_path / "sources/list.csv")], tmp_path / "set", small, engine.in_turn).folder


def test_the_card_follows_the_generations(dataset):
    store = open_store(dataset)
    paths = datacard_write.write(dataset, SCORES)
    before = (dataset / "datacard.md").read_text()
    assert [path.rpartition("/")[2] for path in paths] == ["datacard.md", "datacard.html"]
    assert before.count("Not decided yet.") == 3
    assert "Invalid data found when processing input" in before

    clips = manifest.load(store)
    number = int((clips.schema.metadata or {})[b"video"])
    sources = video.read(store, video.load(store, number).sources, video.SOURCES)
    scores = pa.table({"key": clips["key"], **{name: [GOOD.get(name, 0.0)] * clips.num_rows for name in SCORES}})
    done = decide(clips, sources, scores, None, SCORES, deciding=Deciding(Thresholds(least_rows_px=16)))
    tables = {kind: [annotations.write_table(store, table)] for kind, table in done.tables.items()}
    labels = annotations.commit_labels(store, number, tables, {"decided": done.how})
    told = datacard_write.facts(store, SCORES)
    assert told.generations["labels"] == labels
    assert told.rules == rules(Thresholds(least_rows_px=16))
    assert told.tiers is not None and sorted(told.tiers["tier"].to_pylist()) == ["B", "B", "quarantined", "quarantined"]
    datacard_write.write(dataset, SCORES)
    after = (dataset / "datacard.md").read_text()
    assert "Not decided yet." not in after
    assert "height_px >= 16" in after
    assert "2 clips are quarantined" in after

    captions = pa.table({"key": clips["key"], "caption": ["anew"] * clips.num_rows})
    annotations.commit_labels(store, number, {"captions": [annotations.write_table(store, captions)]}, {"model": "x"})
    again = datacard_write.facts(store, SCORES)
    assert again.rules == told.rules, "a later generation that decided nothing hides no decision"


def test_a_rule_survives_being_written_down():
    rule = Rule("B", "role", "not in", ("recap", "preview"), "why", "is waived")
    assert Rule.from_json({**rule.to_json(), "value": ["recap", "preview"]}) == rule
