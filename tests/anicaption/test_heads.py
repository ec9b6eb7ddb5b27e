import itertools
import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from anicaption import heads, heads_fit
from anicaption.choose import guess
from anicaption.cli import main
from anicaption.features import (
    EVENT_FIELDS,
    PARTS,
    TRACK_COLUMNS,
    Features,
    Look,
    OpenClip,
    describe_tracks,
    look,
    picked,
)
from anicaption.features_builtin import describe_picture
from anicaption.frames import VideoError, write_video
from anicaption.record import Record, Span, drawn
from anicaption.taxonomy import taxonomy
from anicaption.tracks import COLUMNS, Tracks

RATE = Fraction(24)
SCRIPTS = ("normal_day", "evening", "night")


def tracks(n_frames: int = 24) -> Tracks:
    return Tracks(RATE, 160, 90, {"luma": np.full(n_frames, 0.5, np.float32)})


def example(episode: int, rng: np.random.Generator, noise: float) -> heads_fit.Example:
    """A shot whose first three numbers say its colour script, the next four its light, with noise."""
    script, lights = int(rng.integers(3)), rng.random(2) < 0.4
    clean = np.concatenate([np.eye(3)[script], lights, 1 - lights, np.zeros(13)])
    light = tuple(np.array(["backlight_glow", "flare"])[lights].tolist()) or ("none",)
    truth = {"style.color_script": [SCRIPTS[script]], "vfx.light": light, "camera.shot_size": ["bust", "long"]}
    vectors = {part: (clean + rng.normal(0, noise, 20)).astype(np.float32) for part in PARTS}
    vectors["first"][7], vectors["last"][7] = 5, -5
    record = Record.build(tracks(), {})
    return heads_fit.Example(
        f"e{episode}", vectors, tracks(), record, Record.build(tracks(), {k: drawn(k, v) for k, v in truth.items()})
    )


def shots(noise: float, episodes: int = 10, seed: int = 1) -> list[heads_fit.Example]:
    rng = np.random.default_rng(seed)
    return [example(episode, rng, noise) for episode in range(episodes) for _ in range(12)]


@pytest.fixture(scope="module")
def fitted() -> heads.Heads:
    return heads_fit.fit(shots(0.2), Features())


def right(said: heads.Heads, seen: list[heads_fit.Example], field: str) -> float:
    pairs = [(said.say(one.vectors, one.measured)[field].values, one.truth[field].values) for one in seen]
    return sum(guess == truth for guess, truth in pairs) / len(pairs)


@pytest.mark.parametrize("field", ["style.color_script", "vfx.light", "camera.shot_size"])
def test_what_the_features_say_is_learned(fitted, field):
    assert right(heads.without_thresholds(fitted), shots(0.2, seed=2), field) > 0.9


def test_a_field_of_ends_is_told_for_both_ends(fitted):
    one = shots(0.2, 1)[0]
    assert fitted.say(one.vectors, one.measured)["camera.shot_size"].values == ("bust", "long")


def test_noise_is_met_with_abstention_at_the_stated_precision():
    noisy, unseen = shots(0.55, episodes=40), shots(0.55, episodes=40, seed=3)
    said = heads_fit.fit(noisy, Features(), precision=0.9)
    guesses = [(said.say(one.vectors, one.measured)["style.color_script"], one.truth) for one in unseen]
    answered = [(v, truth) for v, truth in guesses if v.known]
    share = sum(v.values == truth["style.color_script"].values for v, truth in answered) / len(answered)
    always = right(heads.without_thresholds(said), unseen, "style.color_script")
    assert always < 0.88 < share
    assert 0 < len(answered) < len(guesses)
    silent = next(v for v, _ in guesses if not v.known)
    assert silent.source == "learned" and "below" in (silent.abstained or "") and len(silent.probability) == 3


def test_what_cannot_be_learned_never_answers():
    rng = np.random.default_rng(4)
    seen = shots(0.2)
    for one in seen:
        for part in PARTS:
            one.vectors[part][:] = rng.normal(0, 1, 20)
    said = heads_fit.fit(seen, Features(), fields=["style.color_script"])
    assert {said.say(one.vectors, one.measured)["style.color_script"].values for one in seen[:20]} == {("unknown",)}
    assert "never" in heads.table(said.heads)


def test_the_temperature_mends_overconfidence():
    rng = np.random.default_rng(5)
    labels = np.eye(3)[rng.integers(0, 3, 4000)]
    honest = rng.normal(0, 1, labels.shape) + 1.0 * labels  # Gaussian classes: these logits are calibrated
    temperature, _ = heads_fit.best_temperature(4 * honest, labels, multi=False)
    assert temperature == pytest.approx(4, rel=0.1)
    raw, mended = (heads.probabilities(4 * honest / t, False) for t in (1, temperature))
    said = labels.argmax(1)
    before, after = (heads_fit.calibration_error(p.max(1), p.argmax(1) == said) for p in (raw, mended))
    assert after < 0.03 < 0.15 < before


def test_the_threshold_is_the_lowest_that_keeps_the_precision():
    sure = np.array([0.99] * 10 + [0.8] * 10 + [0.5] * 20)
    hits = np.array([True] * 10 + [True] * 9 + [False] + [True, False] * 10)
    assert heads_fit.precise_threshold(sure, hits, 0.9) == 0.8
    assert heads_fit.precise_threshold(sure, hits, 0.99) == 0.99
    assert heads_fit.precise_threshold(sure[:5], hits[:5], 0.9) == heads_fit.NEVER


def test_episodes_are_never_split():
    seen = shots(0.2)
    valid = heads_fit._valid_episodes(sorted({one.episode for one in seen}), 0)
    said = heads_fit.fit(seen, Features(), fields=["style.color_script"]).heads[0]
    assert said.report["valid"] == sum(one.episode in valid for one in seen) == 36


def test_saved_heads_say_the_same_and_refuse_what_is_not_theirs(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path)
    one = shots(0.3, 1, seed=6)[0]
    again = heads.load(tmp_path)
    assert again.say(one.vectors, one.measured) == fitted.say(one.vectors, one.measured)
    other = SimpleNamespace(identity={"kind": "open_clip", "sha256": "0"})
    with pytest.raises(ValueError, match="fitted on features"):
        heads.load(tmp_path, Features(other))
    said = json.loads((tmp_path / "heads.json").read_text())
    (tmp_path / "heads.json").write_text(json.dumps(said | {"taxonomy": {"version": "0.0.1", "hash": "beef"}}))
    with pytest.raises(ValueError, match=r"taxonomy 0\.0\.1 \(beef\).*fit them again"):
        heads.load(tmp_path)
    (tmp_path / "heads.json").write_text(json.dumps(said | {"weights_sha256": "0"}))
    with pytest.raises(ValueError, match="not the file"):
        heads.load(tmp_path)


def test_truth_of_one_end_teaches_one_end():
    field = taxonomy()["camera.shot_size"]
    one = shots(0.2, 1)[0]
    for values, spans, parts in (
        (["bust"], [], ["first", "last"]),
        (["bust"], [Span(value="bust", start=0, end=1)], ["first"]),
        (["bust", "long"], [Span(value="bust", start=0, end=1)], ["first", "last"]),
    ):
        truth = Record.build(tracks(), {field.id: drawn(field.id, values, spans)})
        told = heads_fit._told(field, heads_fit.Example("e", one.vectors, one.tracks, one.measured, truth))
        assert [part for part, _ in told] == parts


def picture(seed: int, height: int = 120, width: int = 214) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 10, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((height // 6 + 1, width // 10 + 1, 1), np.uint8))[:height, :width]


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (90, 160), (721, 1281)])
def test_any_picture_has_the_same_finite_numbers(size):
    said = describe_picture(np.zeros((*size, 3), np.uint8))
    assert list(said) == list(describe_picture(picture(1)))
    assert np.isfinite(list(said.values())).all()


def test_a_picture_of_another_size_says_nearly_the_same():
    def level(height: int, width: int) -> np.ndarray:
        said = describe_picture(picture(2, height, width))
        return np.array([value for name, value in said.items() if name.startswith(("light", "chroma", "hue"))])

    np.testing.assert_allclose(level(120, 200), level(240, 400), atol=0.05)


def test_tracks_without_a_column_say_so():
    said = describe_tracks(tracks())
    assert said["luma.mean"] == 0.5 and said["camera_x.known"] == 0 and np.isnan(said["camera_x.mean"])


def test_what_is_described_is_measured():
    assert set(TRACK_COLUMNS) <= set(COLUMNS)
    assert all(taxonomy()[name] for name in EVENT_FIELDS)


def test_a_shot_inside_a_file_is_looked_at(tmp_path):
    clip = tmp_path / "clip.mkv"
    write_video(clip, [np.full((32, 32, 3), 5 * i, np.uint8) for i in range(40)], RATE, container="matroska", crf=1)
    seen = look(clip, tracks(12), start=20)
    wanted = [5 * (20 + i) for i in picked(12)]
    np.testing.assert_allclose([one.mean() for one in seen.pictures], wanted, atol=2.5)
    with pytest.raises(VideoError, match=r"clip\.mkv.*ends before"):
        look(clip, tracks(12), start=35)


def test_one_frame_is_enough_for_features():
    vectors = Features()(Look((picture(1),), tracks(1)))
    assert {len(vector) for vector in vectors.values()} == {len(vectors["shot"])}


@pytest.fixture(scope="module")
def truth_folder(tmp_path_factory):
    """Three episodes of short shots, by day and by night, with truth as `draw` writes it."""
    folder = tmp_path_factory.mktemp("truth")
    for episode in range(3):
        rng, pictures, shots = np.random.default_rng(episode), [], []
        for number in range(12):
            night = number % 2
            still = (picture(int(rng.integers(1000)), 48, 64) * (0.25 if night else 0.9)).astype(np.uint8)
            pictures += [still] * 8
            record = Record.build(tracks(8), {"style.color_script": drawn("style.color_script", [SCRIPTS[2 * night]])})
            shots.append({"start_frame": 8 * number, "end_frame": 8 * number + 8, "record": record.to_json()})
        write_video(folder / f"e{episode}.mkv", pictures, RATE, container="matroska")
        (folder / f"e{episode}.truth.json").write_text(json.dumps({"file": f"e{episode}.mkv", "shots": shots}))
    return folder


def test_a_folder_of_truth_becomes_heads_by_command(truth_folder, tmp_path, capsys):
    told = ["fit", "--truth", str(truth_folder), "--test", str(truth_folder), "--out", str(tmp_path / "heads")]
    assert main(told) == 0
    out = capsys.readouterr().out
    assert "style.color_script" in out and "on 36 other shots" in out
    said = heads.load(tmp_path / "heads")
    assert said.fields == ("style.color_script",)
    one, other = itertools.islice(heads_fit.examples([truth_folder], said.features), 2)
    clip = truth_folder / "e0.mkv"
    day, night = said.predict(clip, one.measured), said.predict(clip, other.measured, start=8)
    assert day["style.color_script"].values == ("normal_day",) and night["style.color_script"].values == ("night",)
    assert day["style.color_script"].source == "learned"


def test_what_is_known_masks_what_is_guessed(fitted):
    one = shots(0.2, 1)[0]
    known = Record.build(tracks(), {"camera.subject_count": drawn("camera.subject_count", ["none"])})
    probability = {"standard": 0.9, "na": 0.1}
    assert guess("style.proportion", probability, "learned", 0.5, known.tags()).values == ("na",)
    assert guess("style.proportion", probability, "learned", 0.5).values == ("standard",)
    assert fitted.say(one.vectors, known)["style.color_script"].known


def test_na_at_one_end_is_said_of_both_or_of_none():
    said = guess("camera.shot_size", [{"bust": 0.6, "na": 0.4}, {"bust": 0.1, "na": 0.9}], "learned", 0.5)
    assert said.values == ("na",)


def test_of_several_values_none_is_what_remains():
    low = {"flare": 0.2, "para": 0.1}
    said = guess("vfx.light", low, "learned", 0.5)
    assert said.values == ("none",)
    silent = guess("vfx.light", low, "learned", 0.8)
    assert not silent.known and silent.abstained == "none has p = 0.72, below 0.80"
    assert guess("camera.focus", {"deep": 0.4, "bg_blur": 0.3}, "vlm", 0.0).values == ("deep",)
    assert guess("vfx.light", {"flare": 0.9, "para": 0.8}, "vlm", 0.5).values == ("flare", "para")


def test_a_folder_without_truth_is_refused(tmp_path, capsys):
    assert main(["fit", "--truth", str(tmp_path), "--out", str(tmp_path / "heads")]) == 2
    assert "no *.truth.json" in capsys.readouterr().err


def test_open_clip_is_loaded_from_a_file_and_from_a_folder(clip_weights):
    pictures = [picture(1), picture(2)]
    of_file = OpenClip(clip_weights / "tiny.pt", "tiny-test")
    of_folder = OpenClip(clip_weights / "model")
    said = of_folder(pictures)
    assert said.shape == (2, 16)
    np.testing.assert_allclose(np.linalg.norm(said, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(of_file(pictures), OpenClip(clip_weights / "tiny.pt", "tiny-test")(pictures))
    assert not np.allclose(said[0], said[1])
    assert of_file.identity != of_folder.identity
    vectors = Features(of_folder)(Look(tuple(pictures), tracks()))
    assert len(vectors["shot"]) == len(Features()(Look(tuple(pictures), tracks()))["shot"]) + 16


def test_open_clip_without_weights_says_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights at"):
        OpenClip(tmp_path / "nowhere")
    (tmp_path / "file.pt").touch()
    with pytest.raises(ValueError, match="--model"):
        OpenClip(tmp_path / "file.pt")
