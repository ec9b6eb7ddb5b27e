"""What a plan is said to draw is what it draws; the page and the table say it, and refuse what cannot be drawn."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from animatrix_trainer import plan_page
from animatrix_trainer.cli import main
from animatrix_trainer.config import Bucket, DataError, Recipe, Stage, Tasks, Window
from animatrix_trainer.data.expected import BANDS, band, views
from animatrix_trainer.data.plan import Plan
from animatrix_trainer.data.pools import Traits

PICTURE, VIDEO, LONG = Window(1, 16, 32), Window(5, 8, 16), Window(9, 8, 16)
N, TOLD = 40, np.random.default_rng(0)
TRAITS = Traits(
    TOLD.integers(4, 20, N),
    TOLD.integers(0, 5, N).astype(np.int8),
    TOLD.gamma(2, size=N) + 0.1,
    {"motion": TOLD.gamma(1, size=N), "deformation": TOLD.gamma(1, size=N)},
)
PARTS = ("motion", "deformation")
RECIPE = Recipe(
    "three",
    (
        Stage(
            "ct", 300, (Bucket(PICTURE, 8), Bucket(VIDEO, 4), Bucket(LONG, 2)), Tasks(0.3, 0.4, 0.3), difficulty=PARTS
        ),
        Stage("sft", 500, (Bucket(VIDEO, 8),), tier="B", weights="curriculum", replay=0.2, difficulty=PARTS),
        Stage("qt", 200, (Bucket(VIDEO, 4),), tier="A", weights="hardest", difficulty=PARTS),
    ),
)


def test_expected_draws_are_those_of_a_whole_run():
    plan = Plan(RECIPE, TRAITS)
    found = views(RECIPE, plan)
    for view in found:
        steps = range(view.first_step, view.first_step + view.stage.steps)
        picks = [pick for step in steps for pick in plan.step(step)]
        counts = np.bincount([pick.row for pick in picks], minlength=N)
        assert counts.sum() == view.n_samples == pytest.approx(view.draws.sum())
        if view.stage.weights == "uniform":
            assert np.abs(counts - view.draws).max() <= len(view.views)  # an epoch begun in each bucket
        else:
            drawn = view.draws > 0
            assert not counts[~drawn].any()
            chi = ((counts[drawn] - view.draws[drawn]) ** 2 / view.draws[drawn]).sum()
            assert abs(chi - drawn.sum()) < 5 * np.sqrt(2 * drawn.sum())
    assert sum(view.n_samples for view in found) == plan.step(RECIPE.steps - 1)[-1].number + 1


def test_bands_follow_the_curriculum_and_shares_add_up():
    ct, sft, qt = views(RECIPE, Plan(RECIPE, TRAITS))
    for view in (ct, sft, qt):
        assert view.bands is not None and view.bands.sum(1) == pytest.approx(np.ones(len(view.ends)))
        assert view.buckets.sum(1) == pytest.approx(np.ones(len(view.ends)))
        assert view.tasks.sum(1) == pytest.approx(np.ones(len(view.ends)))
    assert sft.bands is not None and sft.bands[-1, 3] > 2 * sft.bands[0, 3] and sft.bands[-1, 0] < sft.bands[0, 0]
    assert sft.ends[-1] == 800 and qt.first_step == 800
    assert ct.tasks[:, 0].mean() > 0.3 and not sft.tasks[:, 0].any()
    plan = Plan(RECIPE, TRAITS)
    late = [pick.row for step in range(700, 800) for pick in plan.step(step)]
    assert sft.d is not None
    known = [row for row in late if not np.isnan(sft.d[row])]
    share = np.bincount(band(sft.d[known]), minlength=len(BANDS)) / len(known)
    assert share == pytest.approx(sft.bands[-12:].mean(0), abs=0.1)


def test_what_is_unfilled_of_the_greatest_step():
    ct = views(RECIPE, Plan(RECIPE, TRAITS))[0]
    sizes = {(view.bucket.batch * view.tokens, view.n_steps) for view in ct.views}
    mean = sum(size * n for size, n in sizes) / 300
    assert ct.unfilled() == pytest.approx(1 - mean / max(size for size, _ in sizes))


@pytest.fixture
def told(own_dataset, drawing):
    keys = [f"clip{i:03d}" for i in range(7)]
    drawing.say(
        own_dataset,
        tiers={key: {"tier": "S" if i < 3 else "B"} for i, key in enumerate(keys)},
        weights={key: {"weight": 1.0 + i} for i, key in enumerate(keys)},
        scores={key: {"flow_pct": i / 3, "nonrigid_pct": 7.0 - i, "constant_rate": 1.0} for i, key in enumerate(keys)},
        **{"roles": {key: {"role": "body"} for key in keys}},
    )
    return own_dataset


def test_the_page_shows_every_stage_and_its_pictures_are_whole(told):
    over = plan_page.overview(RECIPE, str(told))
    html = plan_page.html(over)
    for words in (
        "What is drawn when",
        "<h2>ct ",
        "<h2>sft ",
        "<h2>qt ",
        "camera.move",
        "The most drawn clips",
        "clip000",
    ):
        assert words in html
    assert "http" not in html.replace("http-equiv", "")
    drawings = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(drawings) == 3
    for drawing in drawings:
        tree = ElementTree.fromstring(drawing)
        assert all("nan" not in (path.get("d") or "") for path in tree.iter("path"))
    assert "Nothing is said of" in html and "style.tradition" in html


def test_the_table_names_what_is_drawn_too_often(told):
    often = Recipe("often", (Stage("only", 200, (Bucket(VIDEO, 4),), tier="S"),))
    words = plan_page.text(plan_page.overview(often, str(told)))
    assert re.search(r"only\s+5 frames 16x8\s+3\s+200\s+800\s+\S+ ?k?\s+266.67", words)
    assert "note: stage only, 5 frames 16x8: 3 clips are drawn 267 times each" in words


def test_a_bucket_that_no_step_has_is_named(told):
    rare = Recipe("rare", (Stage("only", 4, (Bucket(VIDEO, 4), Bucket(LONG, 4, share=1e-9))),))
    assert "9 frames 16x8: no step of the run has this bucket" in plan_page.text(plan_page.overview(rare, str(told)))


def test_what_cannot_be_drawn_is_refused_before_anything_is_spent(told, capsys, tmp_path):
    with pytest.raises(DataError, match=r"stage qt, bucket 5 x 16x8: no clip stands on tier A"):
        told_of_b = Traits(np.full(4, 9), np.full(4, 2, np.int8), np.ones(4), {part: np.ones(4) for part in PARTS})
        Plan(RECIPE, told_of_b)
    page = tmp_path / "new" / "page.html"
    shown = ["plan", "smoke", "--shards", str(told), "--out", str(page)]
    assert main([*shown, "--stages.0.buckets.0.window.frames", "33"]) == 2
    assert "no clip of 33 frames among 7" in capsys.readouterr().err and not page.exists()
    assert main([*shown, "--stages.0.steps", "30"]) == 0
    assert str(page) in capsys.readouterr().out and "smoke: what is drawn when" in page.read_text()


def test_the_command_needs_no_torch(told):
    code = (
        f"import sys; from animatrix_trainer.cli import main; main(['plan', 'smoke', '--shards', {str(told)!r}])\n"
        "assert not {'torch', 'diffusers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "recipe smoke: 10 steps" in done.stdout
