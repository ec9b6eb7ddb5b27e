"""The Judge: pixels only for structure, no sides, an encoder's words, and files that another taxonomy refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from anicaption.taxonomy import TaxonomyError, taxonomy
from animatrix_reward import asked
from animatrix_reward.dimensions import STRUCTURE
from animatrix_reward.judge import Judge, JudgeConfig, batch_of, load, save
from animatrix_reward.refused import Refused
from animatrix_reward.score import probabilities, read, score, winner

from tests.reward.judged import drawn, fitted, seen, wishes


def test_a_deformation_tag_never_changes_a_structural_score():
    judge, clips = fitted().judge, list(seen().values())[:4]
    blank = [asked.asked({}, "")] * 4
    for kind in ("smear_stretch", "morph", "chibi_shift"):
        tagged = [asked.asked({"motion.deformation": (kind,)}, "a smear, on purpose")] * 4
        for before, after in zip(score(judge, clips, blank), score(judge, clips, tagged)):
            assert after.structure == before.structure and after.pathology == before.pathology
            for name in ("structural_stability", "artistic_motion", "anime_aesthetic"):
                assert after.mu[name] == before.mu[name]
            assert np.array_equal(after.reading.intent_T2, before.reading.intent_T2)


def test_the_prompt_does_reach_the_dimensions_that_depend_on_it():
    judge, clip = fitted().judge, [next(iter(seen().values()))]
    one, other = (score(judge, clip, [asked.asked({"camera.move": (m,)}, m)])[0] for m in ("pan_left", "track_up"))
    assert one.mu["prompt_understanding"] != other.mu["prompt_understanding"]


def test_a_clip_scores_the_same_in_whatever_company():
    judge, names = fitted().judge, list(seen())[:3]
    alone = [score(judge, [seen()[name]], [wishes()[name]])[0].composite for name in names]
    together = [one.composite for one in score(judge, [seen()[n] for n in names], [wishes()[n] for n in names])]
    assert alone == together


def test_padding_says_nothing():
    judge, clips = fitted().judge, sorted(seen().values(), key=lambda clip: clip.n_frames)
    short, long = clips[0], clips[-1]
    assert short.n_frames < long.n_frames
    with torch.inference_mode():
        alone = judge.frames(batch_of([short])).failing_BT4[0]
        beside = judge.frames(batch_of([long, short])).failing_BT4[1, : short.n_frames]
    assert torch.allclose(alone, beside, atol=1e-4)


def test_sides_are_exchanged_exactly():
    for margin in (-1.3, 0.0, 0.4):
        a, b, tie = probabilities(margin, 1.7, 0.6)
        c, d, again = probabilities(-margin, 1.7, 0.6)
        assert (a, b) == (d, c) and tie == pytest.approx(again) and a + b + tie == pytest.approx(1)


def test_the_gate_refuses_a_good_mean_with_one_collapse():
    judge, clips = fitted().judge, list(seen().values())[:2]
    good, bad = score(judge, clips, [asked.asked({}, "")] * 2)
    good = replace(good, structure=dict.fromkeys(STRUCTURE, 4.0), composite=3.0, accepted=True)
    bad = replace(bad, structure={**good.structure, "limb_structure": 1.9}, composite=4.5, accepted=False)
    assert winner([bad, good]) == 1 and winner([bad]) is None
    for one in score(judge, clips, [asked.asked({}, "")] * 2):
        assert one.accepted == (min(one.structure.values()) >= judge.config.gate)


def test_the_reward_is_mu_less_what_fails_above_the_floor_and_nothing_more():
    judge, names = fitted().judge, list(seen())
    floor, kept = float(judge.threshold), 0
    for one in score(judge, [seen()[name] for name in names], [wishes()[name] for name in names]):
        mean = float(np.mean(list(one.mu.values())))
        above = max(0.0, one.pathology - floor) / (1 - floor)
        assert one.composite == pytest.approx(mean - judge.config.pathology_cost * above, abs=1e-4)
        kept += above == 0
        assert one.lower < one.composite <= mean + 1e-4
        assert all(1 <= value <= 5 for value in (*one.mu.values(), *one.structure.values()))
    assert 0 < kept < len(names)


def test_noise_is_out_of_support_and_trusted_less():
    from animatrix_reward.features import look

    judge = fitted().judge
    noise = look(np.random.default_rng(0).integers(0, 255, (24, 64, 112, 3), dtype=np.uint8))
    own = [score(judge, [clip], [asked.asked({}, "")])[0] for clip in list(seen().values())[:6]]
    strange = score(judge, [noise], [asked.asked({}, "")])[0]
    assert not strange.supported and strange.distance > max(one.distance for one in own)
    assert sum(one.supported for one in own) >= 5
    assert strange.composite - strange.lower > max(one.composite - one.lower for one in own)


@pytest.mark.parametrize("still", [False, True])
def test_white_noise_is_rougher_than_drawings_moving_or_still(still):
    from animatrix_reward.features import look
    from animatrix_reward.support import rough

    noise = np.random.default_rng(1).integers(0, 255, (8, 64, 112, 3), dtype=np.uint8)
    strange = look(np.repeat(noise[:1], 8, axis=0) if still else noise)
    assert rough(strange) > 0.8 > 0.5 > max(rough(clip) for clip in seen().values())


def test_saved_and_loaded_it_says_the_same(tmp_path):
    judge, clip = fitted().judge, next(iter(seen().values()))
    save(judge, tmp_path, {"clips": 3})
    again = load(tmp_path)
    one, other = (score(j, [clip], [asked.asked({}, "x")])[0] for j in (judge, again))
    assert one.to_json() == other.to_json()
    assert (tmp_path / "judge.safetensors").exists()
    assert json.loads((tmp_path / "judge.json").read_text("utf-8"))["taxonomy_hash"] == taxonomy().hash


def test_another_taxonomy_is_refused(tmp_path):
    from anicaption.releases import released

    save(fitted().judge, tmp_path)
    path = tmp_path / "judge.json"
    document = json.loads(path.read_text("utf-8"))
    older = next(release for release in released() if release.hash != taxonomy().hash)
    path.write_text(json.dumps({**document, "taxonomy_hash": older.hash}), "utf-8")
    with pytest.raises(ValueError, match=f"fitted under taxonomy {older.version}"):
        load(tmp_path)
    path.write_text(json.dumps({**document, "taxonomy_hash": "f" * 16}), "utf-8")
    with pytest.raises(TaxonomyError):
        load(tmp_path)
    path.write_text(json.dumps({**document, "features": "0"}), "utf-8")
    with pytest.raises(ValueError, match="features is '0'"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"holds no judge\.json"):
        load(tmp_path / "elsewhere")


def test_clips_of_another_encoder_are_refused():
    clip = next(iter(seen().values()))
    with pytest.raises(ValueError, match="look at it with the Judge's encoder"):
        read(fitted().judge, [replace(clip, encoded_TE=np.zeros((clip.n_frames, 7), np.float32))])


def test_its_own_network_looks_at_pictures():
    clips = list(seen().values())[:2]
    torch.manual_seed(0)
    judge = Judge(
        JudgeConfig(clips[0].columns_TF.shape[1], asked.width(), pictures=True, width=16, layers=1, attention_heads=2)
    ).eval()
    with torch.inference_mode():
        before = judge.frames(batch_of(clips)).failing_BT4
        dark = [replace(clip, pictures_TCHW=clip.pictures_TCHW // 2) for clip in clips]
        after = judge.frames(batch_of(dark)).failing_BT4
    assert before.shape == (2, max(clip.n_frames for clip in clips), len(STRUCTURE))
    assert not torch.allclose(before, after)


def test_weights_must_be_shares_and_failing_must_cost():
    with pytest.raises(ValueError, match="sum to 1"):
        JudgeConfig(3, 4, weights=(1.0, 1.0, 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="would reward failures"):
        JudgeConfig(3, 4, pathology_cost=-1.0)


def test_words_and_tags_are_told_apart():
    place = asked.asked({"motion.deformation": ("morph",)}, "")
    assert place.sum() == 1.0 and place.shape == (asked.width(),)
    assert not np.array_equal(asked.asked({}, "a running dog"), asked.asked({}, "a sleeping cat"))
    with pytest.raises(TaxonomyError):
        asked.asked({"motion.deformation": ("squish",)}, "")


def test_both_sorts_of_candidates_were_drawn():
    assert any(clip.drawn_kinds for clip in drawn()) and any(clip.failed_kinds for clip in drawn())


def test_a_folder_that_is_cut_off_or_none_is_named(tmp_path):
    with pytest.raises(Refused, match=r"holds no judge\.json; give the folder"):
        load(tmp_path)
    (tmp_path / "judge.json").write_text('{"format": 3,', "utf-8")
    with pytest.raises(Refused, match=r"judge\.json: is no JSON .*fit the Judge anew"):
        load(tmp_path)
