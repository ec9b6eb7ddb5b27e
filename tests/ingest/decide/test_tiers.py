import json

import pyarrow as pa
import pytest
from animatrix_ingest.decide import verdicts as spoken
from animatrix_ingest.decide.explain import explain
from animatrix_ingest.decide.joined import TableError
from animatrix_ingest.decide.tiers import LADDER, TIERS, People, Rule, tiers
from animatrix_ingest.watch import lists

NAMES = {"blur": "sharpness of lines", "text": "share of the picture under text", "cadence": "what it was made from"}
RULES = (
    Rule("technical", "blur", ">=", 10.0, "lines are soft"),
    Rule("technical", "cadence", "not in", ("blended",), "moments are mixed"),
    Rule("B", "text", "<=", 0.05, "text covers the picture", missing="is waived"),
    Rule("B", "duration_s", ">=", 1.0, "too short to learn motion from"),
)


def clips(n=6, rating="general", **columns):
    said = {
        "key": [f"k{i}" for i in range(n)],
        "source": ["a.mkv"] * n,
        "source_sha256": ["aa"] * n,
        "start_pts": [i * 2000 for i in range(n)],
        "end_pts": [i * 2000 + 2000 for i in range(n)],
        "time_base": ["1/1000"] * n,
        "n_frames": [48] * n,
        "rate": ["24000/1001"] * n,
        "rating": [rating] * n if isinstance(rating, str) else rating,
    }
    return pa.table(said | columns)


def scores(n=6, **columns):
    said = {"blur": [20.0] * n, "text": [0.0] * n, "cadence": ["progressive"] * n}
    return pa.table({"key": [f"k{i}" for i in range(n)]} | said | columns)


def verdict(key, word, who="ito", when="2026-11-01"):
    return spoken.Verdict(word, who, when, "list.csv, line 2", key=key)


def row(table, key):
    return next(row for row in table.to_pylist() if row["key"] == key)


def test_a_clip_stands_on_the_highest_step_whose_rules_all_hold():
    values = scores(blur=[20, 9.5, 20, 20, None, float("nan")], text=[0, 0.2, 0.2, None, 0, 0])
    found = tiers(clips(), values, RULES, NAMES)
    assert found.schema == TIERS
    assert found["tier"].to_pylist() == ["B", "raw", "technical", "B", "raw", "raw"]
    assert row(found, "k1")["reasons"] == [
        "technical: blur 9.5, must be >= 10 (lines are soft)",
        "B: text 0.2, must be <= 0.05 (text covers the picture)",
    ]
    assert row(found, "k0")["reasons"] == ["A: no verdict of an expert"]


def test_a_missing_score_is_said_and_never_passes_unseen():
    found = tiers(clips(), scores(blur=[None] * 6, text=[None] * 6), RULES, NAMES)
    assert row(found, "k0")["unmeasured"] == ["blur", "text"]
    assert row(found, "k0")["tier"] == "raw"
    assert row(found, "k0")["reasons"] == ["technical: blur was not measured, must be >= 10 (lines are soft)"]
    no_rows = tiers(clips(), scores().slice(0, 3), RULES, NAMES)
    assert no_rows["tier"].to_pylist() == ["B"] * 3 + ["raw"] * 3


def test_a_changed_threshold_decides_anew_from_the_same_scores():
    values = scores(blur=[20, 9.5, 8, 20, 20, 20])
    strict = tiers(clips(), values, RULES, NAMES)
    mild = tiers(clips(), values, (Rule("technical", "blur", ">=", 9, "soft"), *RULES[1:]), NAMES)
    assert (row(strict, "k1")["tier"], row(mild, "k1")["tier"]) == ("raw", "B")
    assert row(mild, "k2")["tier"] == "raw"


def test_words_are_rules_too():
    found = tiers(clips(), scores(cadence=["blended", *["progressive"] * 4, None]), RULES, NAMES)
    assert found["tier"].to_pylist() == ["raw", "B", "B", "B", "B", "raw"]
    assert row(found, "k0")["reasons"] == ["technical: cadence blended, must be not in blended (moments are mixed)"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("B", "txt", "<=", 1, ""), r"rule txt <= 1: 'txt' is no score; did you mean 'text'"),
        (Rule("B", "cadence", "in", 1, ""), "in takes words"),
        (Rule("B", "blur", ">=", ("a",), ""), ">= takes a number"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_an_error(rule, words):
    with pytest.raises(TableError, match=words):
        tiers(clips(), scores(), (rule,), NAMES)


def test_people_decide_a_and_s():
    said = [
        verdict("k0", "A"),
        verdict("k1", "S"),
        *(verdict("k2", word, who) for word, who in (("S", "ito"), ("A", "abe"))),
        *(verdict("k3", word, who) for word, who in (("S", "ito"), ("B", "abe"))),
        *(verdict("k4", word, who) for word, who in (("reject", "ito"), ("A", "abe"))),
        verdict("k5", "S"),
    ]
    found = tiers(clips(), scores(blur=[20] * 5 + [1]), RULES, NAMES, said)
    assert found["tier"].to_pylist() == ["A", "S", "A", "B", "raw", "raw"], "people do not lift over the rules"
    assert row(found, "k3")["reasons"][0] == "A: 0.5 of 2 say at least A, must be >= 0.9 (verdicts B of abe, S of ito)"
    assert (
        "technical: rejected, verdicts A of abe, reject of ito (from a share of 0.5 on)" in row(found, "k4")["reasons"]
    )
    assert row(found, "k1")["reasons"] == []
    two = tiers(clips(), scores(), RULES, NAMES, said, People(least=2))
    assert two["tier"].to_pylist()[:3] == ["B", "B", "A"]
    assert row(two, "k0")["reasons"][0] == "A: 1 verdicts, must be >= 2"


def test_the_last_word_of_a_person_counts():
    said = [verdict("k0", "reject", when="2026-11-03"), verdict("k0", "S", when="2026-11-02")]
    assert row(tiers(clips(), scores(), RULES, NAMES, said), "k0")["tier"] == "raw"
    said = [verdict("k0", "reject", when="2026-11-01"), verdict("k0", "S", when="2026-11-02")]
    assert row(tiers(clips(), scores(), RULES, NAMES, said), "k0")["tier"] == "S"


def test_what_is_unrated_reaches_neither_s_nor_the_room():
    rated = clips(rating=["general", "sensitive", "unknown", None, "general", "general"])
    found = tiers(rated, scores(), RULES, NAMES, [verdict(f"k{i}", "S") for i in range(6)])
    assert found["tier"].to_pylist() == ["S", "S", "A", "A", "S", "S"]
    assert found["room"].to_pylist() == ["open", "open", "closed", "closed", "open", "open"]
    assert row(found, "k2")["reasons"] == ["S: rating is unknown (state it in the source list or with --rating)"]


def test_explicit_content_is_on_no_step_whoever_says_it():
    rated = clips(rating=["explicit", "general", "unknown", "general", "sensitive", "general"])
    tags = pa.table({"key": ["k1", "k2", "k3"], "content.rating": [["explicit"], ["general"], ["unknown"]]})
    young = scores(looks_under_age=[0.0, 0, 0.5, 0.9, 0.3, None])
    said = [verdict(f"k{i}", "S") for i in range(5)] + [verdict("k5", "quarantine", "abe")]
    found = tiers(rated, young, RULES, NAMES, [*said, verdict("k5", "S", "abe", "2026-12-01")], tags=tags)
    assert found["tier"].to_pylist() == ["quarantined"] * 3 + ["S"] + ["quarantined"] * 2
    assert found["room"].to_pylist() == ["closed"] * 3 + ["open"] + ["closed"] * 2
    assert found["rating"].to_pylist() == ["explicit", "explicit", "unknown", "general", "sensitive", "general"]
    graver = pa.table({"key": ["k5"], "content.rating": [["sensitive"]]})
    assert row(tiers(rated, young, RULES, NAMES, tags=graver), "k5")["rating"] == "sensitive"
    assert row(found, "k0")["reasons"][-1] == "quarantined: the source is rated explicit"
    assert "looks_under_age 0.30 is not under 0.2 in content rated sensitive" in row(found, "k4")["reasons"][-1]
    assert "verdict quarantine of abe, 2026-11-01" in row(found, "k5")["reasons"][-1], "nobody lifts it by another word"
    unrated = tiers(clips(rating="unknown"), young, RULES, NAMES)
    assert unrated["tier"].to_pylist() == ["B", "B", "quarantined", "quarantined", "quarantined", "B"]


def test_copies_go_into_quarantine_together():
    rated = clips(rating=["general", "sensitive", "explicit", "unknown", "general", "general"])
    roles = pa.table(
        {
            "key": [f"k{i}" for i in range(6)],
            "cluster": ["one", "one", "two", "two", "two", None],
            "copy_of": [None] * 6,
            "role": [None] * 6,
        }
    )
    found = tiers(rated, scores(), RULES, NAMES, [verdict("k0", "quarantine")], roles=roles)
    assert found["tier"].to_pylist() == ["quarantined"] * 4 + ["B", "B"]
    assert row(found, "k1")["reasons"][-1].startswith("quarantined: copy of k0, which is quarantined: verdict quaran")
    assert (
        row(found, "k3")["reasons"][-1] == "quarantined: copy of k2, which is quarantined: the source is rated explicit"
    )


def test_copies_are_a_rule_and_unknown_where_nobody_looked():
    rules = (
        Rule("technical", "is_copy", "<", 1, "kept once", "is waived"),
        Rule("B", "role", "not in", ("recap",), ""),
    )
    roles = pa.table({"key": ["k0", "k1"], "copy_of": ["", "k0"], "cluster": ["a", "a"], "role": ["body", "recap"]})
    found = tiers(clips(2), scores(2), rules, NAMES, roles=roles)
    assert found["tier"].to_pylist() == ["B", "raw"]
    unseen = tiers(clips(2), scores(2), rules, NAMES)
    assert unseen["unmeasured"].to_pylist() == [["is_copy", "role"]] * 2
    assert unseen["tier"].to_pylist() == ["technical"] * 2


def test_verdicts_come_from_a_list_by_key_or_by_stretch(tmp_path):
    place = tmp_path / "verdicts.jsonl"
    rows = [
        {"source": "a.mkv", "start_s": 1.5, "end_s": 6.5, "verdict": "S", "who": "ito", "when": "2026-11-01"},
        {"source": "aa", "start_s": 9.9, "end_s": 10.1, "verdict": "quarantine", "who": "ito", "when": "2026-11-01"},
        {"key": "gone", "verdict": "A", "who": "ito", "when": "2026-11-01", "note": "lovely"},
    ]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = spoken.read(lists.read(str(place), spoken.COLUMNS, ("verdict", "who", "when")))
    found = tiers(clips(), scores(), RULES, NAMES, said)
    assert found["tier"].to_pylist() == ["B", "S", "S", "B", "quarantined", "quarantined"]
    assert [lost.key for lost in spoken.lay(clips(), said).unmatched] == ["gone"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"key": "k0", "verdict": "SS"}, "line 3: verdict 'SS' is none; write S, A, B, reject, quarantine"),
        ({"verdict": "S"}, "line 3: no key and no source"),
        ({"verdict": "S", "key": "k", "source": "a"}, "line 3: names a key and a source"),
        ({"verdict": "S", "source": "a", "start_s": "5", "end_s": "4"}, "from 5 s to 4 s is no stretch"),
        ({"verdict": "S", "source": "a", "start_s": "0:05", "end_s": "9"}, "start_s and end_s are seconds"),
    ],
)
def test_a_verdict_that_cannot_be_meant_is_an_error(cells, words):
    with pytest.raises(TableError, match=words):
        spoken.read([lists.Row("v.csv", 3, {"who": "ito", "when": "2026", **cells})])


def test_a_quarantine_is_never_lost():
    with pytest.raises(TableError, match=r"list\.csv, line 2: quarantines gone, of which there is no clip"):
        tiers(clips(), scores(), RULES, NAMES, [verdict("gone", "quarantine")])


def test_explain_tells_rule_by_rule():
    table, values = clips(work=["Kumo"] * 6), scores(blur=[9.5] * 6, text=[None] * 6)
    decided = tiers(table, values, RULES, NAMES)
    words = explain("k1", table, values, RULES, NAMES, tiers=decided)
    assert words.splitlines()[0] == "k1  a.mkv"
    assert "tier        raw" in words
    assert "  technical fails     blur >= 10: 9.5  (lines are soft)" in words
    assert "  B         is waived text <= 0.05: was not measured" in words
    assert "  B         holds     duration_s >= 1: 2.002" in words
    with pytest.raises(TableError, match="'k' begins 6 keys"):
        explain("k", table, values, RULES, NAMES)
    with pytest.raises(TableError, match="'k0x' is no clip of this data set; did you mean k0"):
        explain("k0x", table, values, RULES, NAMES)


def test_every_rule_stands_on_the_ladder():
    assert {rule.tier for rule in RULES} <= set(LADDER)
