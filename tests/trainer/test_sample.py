import dataclasses
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from anicaption.frames import probe, read_clip
from animatrix_trainer import checkpoint
from animatrix_trainer.cli import main
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import Guidance
from animatrix_trainer.recipes import smoke
from animatrix_trainer.sample import sample

LEFT = Condition({"camera.move": ("pan_left",)}, "A pan to the left.")


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
    one, two = sample(system, [LEFT, LEFT], [1, 2])
    assert one.shape == (5, 8, 16, 3) and one.dtype == np.uint8
    assert np.array_equal(one, sample(system, [LEFT], [1])[0])
    assert not np.array_equal(one, two)


def test_the_first_frame_comes_back_untouched(system):
    first = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), dtype=np.uint8)
    video = sample(system, [LEFT, LEFT], [1, 1], first)
    assert np.array_equal(video[:, 0], first)
    assert not np.array_equal(video[0, 1:], video[1, 1:])


def test_tags_matter_only_as_far_as_their_scale(system):
    right = Condition({"camera.move": ("pan_right",)}, LEFT.text)
    for scale, same in ((0.0, True), (4.0, False)):
        settings = Guidance(text=1.0, tag=scale, steps=2)
        one, other = (sample(system, [told], [1], None, settings) for told in (LEFT, right))
        assert np.array_equal(one, other) == same


def test_the_command_writes_a_clip_from_a_picture(folder, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "first.png"), picture)
    out = tmp_path / "out" / "clip.mp4"
    arguments = ["--tags", "camera.move=pan_left,motion.timing=twos", "--text", "A pan.", "--seed", "1"]
    arguments += ["--image", str(tmp_path / "first.png"), "--guidance-steps", "2", "--out", str(out)]
    assert main(["sample", str(folder), *arguments]) == 0
    assert read_clip(out).shape == (5, 8, 16, 3)
    assert str(probe(out).rate) == "24000/1001"


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


def test_a_picture_that_is_none_is_named(folder, tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(ValueError, match="no picture that OpenCV can read"):
        main(["sample", str(folder), "--image", str(tmp_path / "a.png"), "--out", str(tmp_path / "x.mp4")])


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
