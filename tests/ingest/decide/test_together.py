import pyarrow as pa
import pytest
from animatrix_ingest.decide.balance import AXES
from animatrix_ingest.decide.explain import explain
from animatrix_ingest.decide.settings import Deciding, Styles, Thresholds
from animatrix_ingest.decide.stated import STATED
from animatrix_ingest.decide.tiers_rules import rules
from animatrix_ingest.decide.together import decide
from animatrix_ingest.decide.verdicts import Verdict
from animatrix_ingest.scores import SCORES

WORDS = pa.dictionary(pa.int32(), pa.string())
GOOD = {"constant_rate": 1.0, "cadence": "progressive"}


@pytest.fixture
def world():
    """Six clips of three sources as the manifest has them, with dictionaries; the last source is explicit."""
    n = 6
    sources = [f"s{i // 2}.mkv" for i in range(n)]
    clips = pa.table(
        {
            "key": [f"k{i}" for i in range(n)],
            "source": pa.array(sources, WORDS),
            "source_sha256": pa.array(sources, WORDS),
            "start_pts": [i * 2000 for i in range(n)],
            "end_pts": [i * 2000 + 2000 for i in range(n)],
            "time_base": pa.array(["1/1000"] * n, WORDS),
            "n_frames": [48] * n,
            "rate": pa.array(["24"] * n, WORDS),
            "width_px": [640] * n,
            "height_px": [360] * n,
            **{field: pa.array([[f"v{i % 4}"] for i in range(n)], pa.list_(WORDS)) for field in AXES.values()},
            "content.rating": pa.array([["unknown"]] * n, pa.list_(WORDS)),
        }
    )
    told = {name: pa.nulls(3, pa.string()) for name in STATED}
    told |= {"work": pa.array(["Kumo", "Hoshi", None]), "rating": pa.array(["general", "sensitive", "explicit"])}
    listed = pa.table({"sha256": ["s0.mkv", "s1.mkv", "s2.mkv"], "stands": [True] * 3, **told})
    scores = pa.table({"key": clips["key"], **{name: [GOOD.get(name, 0.0)] * 5 + [None] for name in SCORES}})
    return clips, listed, scores


def test_everything_is_decided_from_tables(world):
    clips, sources, scores = world
    said = [Verdict("S", "ito", "2026-11-01", "v.csv, line 2", key="k1"), Verdict("A", "ito", "1", "w", key="gone")]
    decided = decide(clips, sources, scores, None, SCORES, said)
    tiers, splits = decided.tables["tiers"], decided.tables["splits"]
    assert tiers["tier"].to_pylist() == ["B", "S", "B", "B", "quarantined", "quarantined"]
    assert set(splits["group"].to_pylist()) == {"work:kumo", "work:hoshi", "source:s2.mkv"}
    weights = decided.tables["weights"]["weight"].to_pylist()
    assert weights[4:] == [0, 0]
    assert min(weights[:4]) > 0
    assert decided.how["deciding"]["split"]["held_out"] == 0.05
    assert [verdict.key for verdict in decided.unmatched] == ["gone"]
    words = explain("k1", decided.clips, scores, rules(Thresholds()), SCORES, **decided.tables)
    assert "tier        S" in words
    assert "Kumo" in words
    assert "role not in recap | preview: was not measured" in words


def test_another_threshold_is_another_decision(world):
    clips, sources, scores = world
    strict = decide(clips, sources, scores, None, SCORES, deciding=Deciding(Thresholds(least_rows_px=480)))
    assert set(strict.tables["tiers"]["tier"].to_pylist()) == {"raw", "quarantined"}
    assert "technical: height_px 360, must be >= 480" in strict.tables["tiers"]["reasons"][0].as_py()[0]
    with pytest.raises(ValueError, match=r"thresholds\.most_text: -1 is less than 0"):
        Thresholds(most_text=-1)


def test_every_rule_says_why():
    assert all(rule.why for rule in rules(Thresholds()))


def test_scores_of_an_older_unit_are_null_where_nobody_measured_them():
    from animatrix_ingest.decisions import _complete
    from animatrix_ingest.scores import SCHEMA

    older = SCHEMA.empty_table().drop_columns(["nonrigid_pct"])
    older = pa.concat_tables(
        [older, pa.table({"key": ["a"], "boxes": ["[]"], "luma": [0.5]})], promote_options="permissive"
    )
    (row,) = _complete(older).to_pylist()
    assert (row["nonrigid_pct"], row["luma"]) == (None, pytest.approx(0.5))


def test_what_older_units_did_not_keep_is_null_and_makes_no_cluster(world):
    from animatrix_ingest.vectors import SCHEMA

    clips, sources, scores = world
    keys = clips["key"].to_pylist()
    nothing = pa.table([keys, [None] * 6, [None] * 6], schema=SCHEMA)
    assert "clusters" not in decide(clips, sources, scores, None, SCORES, vectors=nothing).tables
    some = pa.table([keys, ["m"] * 5 + [None], [[9, 0], [8, 0], [9, 1], [0, 90], [0, 91], None]], schema=SCHEMA)
    deciding = Deciding(styles=Styles(style_clusters=2))
    made = decide(clips, sources, scores, None, SCORES, deciding=deciding, vectors=some)
    assert made.tables["clusters"]["cluster"].to_pylist() == [0, 0, 0, 1, 1]
    assert made.how["clusters"] == {"maker": "m", "middles": [[139, 5], [0, 1448]]}
    told = [explain(key, made.clips, scores, rules(Thresholds()), SCORES, **made.tables) for key in ("k3", "k5")]
    assert "cluster 1 of 2 clips" in told[0]
    assert "no cluster" in told[1]
