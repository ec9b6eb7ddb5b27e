import pyarrow as pa
import pytest
from animatrix_ingest.decide.joined import TableError
from animatrix_ingest.decide.stated import STATED, stated

CLIPS = pa.table({"key": ["k0", "k1", "k2"], "source_sha256": pa.array(["b", "a", "b"]).dictionary_encode()})


def sources(*rows):
    names = ("sha256", "stands", "work", "rating")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    rest = {name: pa.nulls(len(rows), pa.string()) for name in STATED if name not in columns}
    return pa.table({**columns, **rest})


def test_clips_have_what_is_stated_of_their_sources():
    found = stated(CLIPS, sources(("a", True, "Kumo", "general"), ("b", True, None, None)))
    assert found["work"].to_pylist() == [None, "Kumo", None]
    assert found["rating"].to_pylist() == ["unknown", "general", "unknown"]
    assert stated(found, sources(("a", True, "Hoshi", None), ("b", True, None, None)))["work"][1].as_py() == "Hoshi"


def test_of_several_names_the_standing_one_speaks_and_the_gravest_rating_holds():
    two = sources(("a", False, "Copy", "explicit"), ("a", True, "Kumo", "general"), ("b", True, None, "unknown"))
    found = stated(CLIPS, two)
    assert (found["work"][1].as_py(), found["rating"][1].as_py()) == ("Kumo", "explicit")
    silent = sources(("a", True, None, None), ("b", True, None, "unknown"), ("b", False, "Kumo", "sensitive"))
    found = stated(CLIPS, silent)
    assert (found["work"][0].as_py(), found["rating"][0].as_py()) == ("Kumo", "sensitive")


def test_a_clip_of_no_source_is_an_error():
    with pytest.raises(TableError, match="no row for content b of the clips"):
        stated(CLIPS, sources(("a", True, None, None)))
