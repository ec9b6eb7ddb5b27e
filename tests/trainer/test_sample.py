import dataclasses
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from anicaption.frames import probe, read_clip
from anicaption.taxonomy import TaxonomyError
from animatrix_trainer import checkpoint, solvers
from animatrix_trainer.cli import main
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.config import Guidance, Window
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.model.given import known_of
from animatrix_trainer.pipeline import AniMatrixPipeline
from animatrix_trainer.recipes import smoke
from animatrix_trainer.requests import RequestError
from animatrix_trainer.sample import Asked, read_picture, sample
from animatrix_trainer.write import asked_of

LEFT = Wish(Condition({"camera.move": ("pan_left",)}, "A pan to the left."))


@pytest.fixture(scope="module")
def system():
    """Untrained, but for an output layer that says something."""
    built = checkpoint.build(smoke())
    with torch.no_grad():
        built.model.proj_out.weight.normal_(std=0.5, generator=torch.Generator().manual_seed(0))
    return built


@pytest.fixture(scope="module")
def folder(system, tmp_path_factory):
    place = tmp_path_factory.mktemp("sample") / "checkpoint"
    checkpoint.export(system, place)
    return place


def test_a_seed_gives_one_clip_and_another_seed_another(system):
    one, two = sample(system, [Asked(LEFT, 1), Asked(LEFT, 2)])
    assert one.shape == (5, 8, 16, 3) and one.dtype == np.uint8
    alone = sample(system, [Asked(LEFT, 1)])[0]
    assert np.abs(one.astype(int) - alone).max() <= 1
    assert np.array_equal(alone, sample(system, [Asked(LEFT, 1)])[0])
    assert not np.array_equal(one, two)


def test_given_pictures_come_back_untouched_where_they_were_given(system):
    first, last = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), dtype=np.uint8)
    pictures = [{0: first}, {0: last}, {0: first, 4: last}, {}]
    video = sample(system, [Asked(LEFT, 1, given) for given in pictures])
    for clip, given in zip(video, pictures, strict=True):
        assert all(np.array_equal(clip[number], picture) for number, picture in given.items())
    assert not np.array_equal(video[0, 1:], video[1, 1:])
    assert not np.array_equal(video[0, 1:4], video[2, 1:4])
    with pytest.raises(RequestError, match=r"shape \(16, 8, 3\), the clip \(8, 16, 3\)"):
        sample(system, [Asked(LEFT, 1, {0: first.transpose(1, 0, 2)})])


def test_tags_matter_only_as_far_as_their_scale(system):
    right = Wish(Condition({"camera.move": ("pan_right",)}, LEFT.condition.text))
    for scale, same in ((0.0, True), (4.0, False)):
        settings = Guidance(text=1.0, tag=scale, steps=2)
        one, other = (sample(system, [Asked(told, 1)], settings) for told in (LEFT, right))
        assert np.array_equal(one, other) == same


def test_forwards_in_parts_are_the_same_forwards(system):
    asked = [Asked(LEFT, 1), Asked(Wish(LEFT.condition, "blurred", fields={"camera.move": 2.0}), 2)]
    together = sample(system, asked, Guidance(steps=2))
    apart = sample(system, asked, Guidance(steps=2), forwards_at_once=2)
    assert np.abs(together.astype(int) - apart).max() <= 1


@pytest.mark.parametrize("solver", ["euler", "unipc"])
def test_guidance_is_the_papers_sum_of_three_forwards(system, solver):
    """The sampler against a plain loop with the formula written out."""
    settings = Guidance(text=3.0, tag=2.0, steps=3, solver=solver, shift=2.0)
    (clip,) = sample(system, [Asked(LEFT, 5)], settings)
    x = torch.randn(12, 2, 8, 16, generator=torch.Generator().manual_seed(5))[None]
    known = known_of(system.codec, torch.zeros(1, 3, 5, 8, 16), np.zeros((1, 5), bool), system.recipe.flow.given)
    way = solvers.solver(settings)
    with torch.no_grad():
        for at, s in enumerate(way.shares):
            v = []
            for told in (Condition(None, ""), Condition(None, LEFT.condition.text), LEFT.condition):
                tags = torch.tensor([system.words.encode(told.tags)])
                text = system.text([told.text])
                v.append(
                    velocity(system.model, x, torch.tensor([s]), known, text, tags, system.recipe.flow, system.patch)
                )
            x = way.step(at, x, v[0] + 3.0 * (v[1] - v[0]) + 2.0 * (v[2] - v[1]))
    wanted = (system.codec.decode(x).clamp(-1, 1)[0].permute(1, 2, 3, 0) + 1) * 127.5
    assert np.abs(clip.astype(int) - wanted.round().numpy()).max() <= 1


def test_the_pipeline_draws_what_the_sampler_draws(system, folder):
    first = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    pipe = AniMatrixPipeline.from_pretrained(folder)
    video = pipe(
        LEFT.condition.text, "camera.move=pan_left", image=first, num_inference_steps=2, seed=3, num_videos_per_prompt=2
    ).frames
    settings = dataclasses.replace(system.recipe.guidance, steps=2)
    asked = [Asked(LEFT, seed, {0: first}) for seed in (3, 4)]
    assert np.array_equal(video, sample(system, asked, settings))
    (images,) = pipe(tags={"camera.move": ("pan_left",)}, num_frames=9, height=16, output_type="pil").frames
    assert len(images) == 9 and images[0].size == (16, 16)
    with pytest.raises(TaxonomyError, match="did you mean 'pan_left'"):
        pipe(tags="camera.move=pan_lft")


def test_the_command_writes_a_clip_from_a_picture(folder, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "first.png"), picture)
    out = tmp_path / "out" / "clip.mp4"
    arguments = ["--tags", "camera.move=pan_left,motion.timing=twos", "--text", "A pan.", "--seed", "1"]
    arguments += ["--image", str(tmp_path / "first.png"), "--guidance-steps", "2", "--out", str(out)]
    assert main(["sample", str(folder), *arguments, "--sheet", "--png"]) == 0
    assert read_clip(out).shape == (5, 8, 16, 3)
    assert str(probe(out).rate) == "24000/1001"
    said = asked_of(out)
    assert said["request"] == {
        "tags": "camera.move=pan_left,motion.timing=twos", "text": "A pan.", "seed": 1, "image": "first.png",
    }  # fmt: skip
    assert said["guidance"]["steps"] == 2 and said["checkpoint"] == "checkpoint"
    pictures = sorted(out.with_suffix("").glob("*.png"))
    assert [path.name for path in pictures] == [f"{n:04d}.png" for n in range(5)]
    shown = cv2.cvtColor(cv2.imread(str(pictures[0])), cv2.COLOR_BGR2RGB)
    assert np.abs(shown.astype(int) - read_picture(tmp_path / "first.png", Window(5, 8, 16))).max() == 0
    sheet = json.loads(out.with_suffix(".xdts").read_text("utf-8").split("\n", 1)[1])
    assert sheet["timeTables"][0]["duration"] == 5


def test_a_file_of_requests_gives_a_folder_of_clips(folder, tmp_path):
    first = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "first.png"), first)
    rows = [
        {"name": "pan", "tags": "camera.move=pan_left", "image": "first.png", "last": "first.png"},
        {"name": "long", "text": "a cat", "frames": 9},
        {"name": "again", "tags": "camera.move=pan_left", "not_tags": "camera.move=pan_right", "seed": 2},
    ]
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    run = ["sample", str(folder), "--requests", str(path), "--out", str(tmp_path / "clips"), "--guidance-steps", "2"]
    assert main(run) == 0
    clips = {clip.stem: clip for clip in (tmp_path / "clips").glob("*.mp4")}
    assert set(clips) == {"pan", "long", "again"}
    assert len(read_clip(clips["long"])) == 9 and asked_of(clips["again"])["request"]["seed"] == 2
    assert main([*run, "--text", "a dog"]) == 2
    path.write_text('{"name": "a", "image": "none.png"}', "utf-8")
    assert main(run) == 2


def test_several_seeds_give_several_clips(folder, tmp_path):
    run = ["sample", str(folder), "--seed", "7", "--seeds", "2", "--out", str(tmp_path), "--guidance-steps", "1"]
    assert main(run) == 0
    name = tmp_path.name
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert written == {f"{name}/seed-0007.mp4", f"{name}/seed-0008.mp4", "clips.jsonl"}
    rows = [json.loads(line) for line in (tmp_path / "clips.jsonl").read_text("utf-8").splitlines()]
    assert {row["prompt"] for row in rows} == {name} and [row["rating"] for row in rows] == ["unknown"] * 2
    assert all((tmp_path / row["path"]).is_file() and row["model"] == "checkpoint" for row in rows)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("camera.mve=pan_left", "did you mean 'camera.move'"),
        ("camera.move=pan_lft", "did you mean 'pan_left'"),
        ("pan_left", "write field=value"),
    ],
)
def test_wrong_tags_are_named_before_anything_is_loaded(tmp_path, capsys, tags, words):
    assert main(["sample", str(tmp_path / "no"), "--tags", tags, "--out", str(tmp_path / "x.mp4")]) == 2
    assert words in capsys.readouterr().err


def test_a_picture_that_is_none_is_named(folder, tmp_path, capsys):
    (tmp_path / "a.png").write_text("no")
    assert main(["sample", str(folder), "--image", str(tmp_path / "a.png"), "--out", str(tmp_path / "x.mp4")]) == 2
    assert "no picture that OpenCV can read" in capsys.readouterr().err


def test_fit_takes_overrides_and_export_drops_the_state(dataset, tmp_path, capsys):
    run = ["fit", "smoke", "--shards", str(dataset), "--out", str(tmp_path / "run")]
    assert main([*run, "--stages.0.steps", "1", "--stages.0.lr", "1e-5"]) == 0
    saved = checkpoint.resolve(tmp_path / "run")
    recipe = checkpoint.load(saved).recipe
    assert recipe == smoke().over_stages(steps=1, lr=1e-5)
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "small"), "--guidance-tag", "3"]) == 0
    assert not (tmp_path / "small" / "state").exists()
    assert checkpoint.load(tmp_path / "small").recipe.guidance == dataclasses.replace(smoke().guidance, tag=3.0)
    assert main(["fit", "smok", "--shards", "a", "--out", "b"]) == 2
    assert "choose one of smoke" in capsys.readouterr().err
    assert main(["draw"]) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["sample", "--help"], ["obey", "--help"]])
def test_help_imports_neither_torch_nor_cv2(arguments):
    code = (
        "import sys\nfrom animatrix_trainer.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'cv2', 'diffusers', 'transformers', 'ray'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
