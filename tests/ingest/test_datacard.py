import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from anicaption.taxonomy import taxonomy
from animatrix_ingest.datacard import Facts, card
from animatrix_ingest.decide.balance import weights
from animatrix_ingest.decide.split import Shares, split
from animatrix_ingest.decide.tiers import Rule, tiers

N = 240
RULES = (
    Rule("technical", "sharpness", ">=", 0.1, "lines are soft"),
    Rule("B", "text_share", "<=", 0.5, "text covers the picture", missing="is waived"),
)
NAMES = {"sharpness": "how sharp lines are", "text_share": "share of the picture under text"}


def world(n=N, **stated):
    """Facts of a data set of `n` clips from twelve sources of six works, one of them without anything stated."""
    rng = np.random.default_rng(5)
    source = np.sort(rng.integers(0, 12, n))
    work = [None if s == 11 else f"Work {s // 2}" for s in source]
    said = {
        "work": work,
        "episode": [str(s % 2 + 1) for s in source],
        "origin": ["disc"] * n,
        "licence": [None if s == 11 else "own" for s in source],
        "permission": ["studio, <2026>"] * n,
        "rating": ["unknown" if s == 11 else "explicit" if s == 0 else "general" for s in source],
    } | stated
    words = {
        field.id: [[field.value_ids[i]] for i in rng.integers(0, min(6, len(field.value_ids)), n) ** 2 // 6]
        for field in taxonomy()
    }
    words["style.medium"] = [["unknown"]] * n
    words["motion.performance"] = [
        ["na"] if i % 5 == 0 else values for i, values in enumerate(words["motion.performance"])
    ]
    clips = pa.table(
        {
            "key": [f"{i:032x}" for i in range(n)],
            "source": [f"s3://raw/{s}.mkv" for s in source],
            "source_sha256": [f"{s:064x}" for s in source],
            "start_pts": list(range(n)),
            "end_pts": list(range(1, n + 1)),
            "time_base": ["1/24000"] * n,
            "n_frames": rng.integers(12, 240, n),
            "rate": ["24000/1001"] * n,
            "width_px": [854] * n,
            "height_px": [480] * n,
            "length": rng.integers(10_000, 900_000, n),
            "shard": ["shards/aa.tar"] * n,
            **said,
            **{name: pa.array(values, pa.list_(pa.string())) for name, values in words.items()},
        }
    )
    scores = pa.table(
        {
            "key": clips["key"],
            "sharpness": rng.random(n),
            "text_share": [None if i % 9 == 0 else float(x) for i, x in enumerate(rng.random(n))],
        }
    )
    sources = pa.table(
        {
            "source": [f"s3://raw/{s}.mkv" for s in range(14)],
            "outcome": ["kept"] * 12 + ["dropped", "dead"],
            "reason": [""] * 12 + ["duplicate of s3://raw/0.mkv", "not a video"],
            "stands": [True] * 12 + [False, True],
            "kept": [20] * 12 + [20, 0],
            "dropped": [2] * 13 + [0],
            "dead": [0] * 14,
            "lost_reason": pa.array([None] * 11 + ["broke off", None, None], pa.string()),
        }
    )
    losses = pa.table(
        {
            "outcome": ["dropped"] * 24 + ["dead"],
            "stage": [""] * 24 + ["probe"],
            "reason": ["shorter than 0.5 s"] * 24 + ["Invalid data: at byte 7"],
        }
    )
    roles = pa.table(
        {
            "key": clips["key"],
            "role": [None if i % 10 else "opening" for i in range(n)],
            "copy_of": pa.array([f"{i - 1:032x}" if i % 40 == 7 else None for i in range(n)], pa.string()),
            "cluster": pa.nulls(n, pa.string()),
        }
    )
    found = tiers(clips, scores, RULES, NAMES, roles=roles)
    sides = split(clips, roles, Shares(held_out=0.2, validation=0.2, seed=4))
    return Facts(
        name="kumo",
        clips=clips,
        sources=sources,
        losses=losses,
        made={"settings": {"crf": 18, "detector": "ours"}, "code": "ab12", "libraries": {"av": "18.1.0"}},
        generations={"video": 3, "labels": 7, "dataset hash": "cd34"},
        decided={"split": {"held_out": 0.05}},
        tiers=found,
        splits=sides,
        roles=roles,
        rules=RULES,
        balanced=weights(clips.select(["key", *(f.id for f in taxonomy())]), found, sides).to_json(),
        scores=NAMES,
    )


@pytest.fixture(scope="module")
def facts():
    return world()


def cells(text, first):
    """The cells of the Markdown row that begins with `first`."""
    line = next(line for line in text.splitlines() if re.match(rf"\| *{re.escape(first)} *\|", line))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_counts_on_the_card_are_those_of_the_tables(facts):
    text, _ = card(facts)
    kept = facts.tiers["tier"].to_pylist()
    assert f"- clips: {N}" in text
    assert cells(text, "quarantined")[1] == str(kept.count("quarantined")) != "0"
    for tier in ("raw", "technical", "B"):
        assert cells(text, tier)[1] == str(kept.count(tier)) != "0"
    assert cells(text, "sources") == ["sources", "12", "1", "1"]
    assert cells(text, "shots") == ["shots", "240", "24", "0"]
    assert cells(text, "dropped")[1:] == ["shorter than 0.5 s", "24"]
    assert "the same content as another source |        1 |" in text
    assert cells(text, "dead")[1:] == ["probe: Invalid data", "1"]
    low = sum(x < 0.1 for x in world_scores(facts))
    row = next(line for line in text.splitlines() if "sharpness >= 0.1" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][2] == str(low)
    train = facts.splits["split"].to_pylist().count("train")
    assert cells(text, "train")[2] == str(train)


def world_scores(facts):
    said = facts.tiers["reasons"].to_pylist()
    failing = [any(reason.startswith("technical: sharpness ") for reason in reasons) for reasons in said]
    return [0.0 if fails else 1.0 for fails in failing]


def test_limits_are_found_in_the_tables(facts):
    text, _ = card(facts)
    n = facts.clips["work"].null_count
    assert f"{n} of {N} clips have no stated work: clips of one work may stand on both sides" in text
    assert f"{n} of {N} clips have no stated licence" in text
    assert f"{n} of {N} clips have no stated rating" in text
    assert "Sources that broke off before their end: 1;" in text
    assert "clips are quarantined. They are still in the shards" in text
    assert "No model was asked whether figures look under age" in text
    full = world(licence=["own"] * N, work=["A"] * N, rating=["general"] * N)
    text, _ = card(full)
    assert "have no stated" not in text
    assert "No clip is validation or held out: there are too few works" in text
    assert "One group holds more than half" in text


def test_every_field_that_was_read_is_shown_and_the_others_named(facts):
    text, page = card(facts)
    for field in taxonomy():
        assert field.id in text
        assert field.id in page
    assert "Read in no clip: style.medium." in text
    assert "80 % read" not in text
    performance = next(line for line in text.splitlines() if "motion.performance**" in line)
    assert "100 % read, 48 n/a" in performance


def test_what_was_not_decided_is_said(facts):
    bare = Facts("kumo", facts.clips, facts.sources, facts.losses, facts.made, facts.generations)
    text, _ = card(bare)
    assert text.count("Not decided yet.") == 3
    assert "Openings, recaps and copies were not looked for." in text


def test_an_empty_data_set_has_a_card(facts):
    empty = Facts("none", facts.clips.slice(0, 0), facts.sources, facts.losses, facts.made, facts.generations)
    text, _ = card(empty)
    assert "Nothing: every source was dropped or died." in text


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_beside_itself(facts):
    _, page = card(facts)
    tags = Tags()
    tags.feed(page)
    assert not tags.links
    assert not {"script", "link", "img"} & set(tags.seen)
    assert "http" not in page
    assert "studio, &lt;2026&gt;" in page
    assert "prefers-color-scheme: dark" in page


def test_the_same_tables_give_the_same_card(facts):
    assert card(facts) == card(facts)
