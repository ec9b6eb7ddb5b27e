"""open_clip's weights: vectors by the real classes, a score only where there is a head, and one generation for each."""

import numpy as np
import pytest
from animatrix_ingest import cli, engine
from animatrix_ingest.keep import annotations, manifest
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.recipes import Weights
from animatrix_ingest.watch import embed
from animatrix_ingest.watch.appearance import MAKER
from animatrix_ingest.watch.embed import Eye, WeightsError

from benchmarks.stages_painted import painting

WEIGHT, BIAS = np.linspace(-1, 1, 16), 5.0


@pytest.fixture(scope="module")
def weights(clip_weights, tmp_path_factory):
    """A tiny random open_clip model, and a head on it in both spellings."""
    import torch

    folder = tmp_path_factory.mktemp("head")
    torch.save({"weight": torch.tensor(WEIGHT)[None], "bias": torch.tensor([BIAS])}, folder / "head.pth")
    np.savez(folder / "head.npz", weight=WEIGHT[None], bias=np.array([BIAS]))
    return Weights(clip_weights / "model", folder / "head.pth")


def test_a_shot_is_the_mean_of_what_the_model_says_of_its_looks(weights):
    eye = Eye.of(weights)
    assert eye is not None
    watch = eye()
    pictures = [painting(seed, 64, 64) for seed in range(embed.AT_ONCE + 2)]
    for index, picture in enumerate(pictures):
        watch.see(10 * index, picture)
    looks = watch.looks()
    mean = embed._tower(weights.open_clip)(pictures[1:]).mean(0)
    mean /= np.linalg.norm(mean)
    vector = looks.vector(5, 1000)
    assert vector is not None
    assert np.abs(np.array(vector) - embed.STEPS * mean).max() < 2
    assert looks.aesthetic(5, 1000) == pytest.approx(float(mean @ WEIGHT + BIAS), abs=1e-3)
    assert looks.vector(1, 9) is None and looks.aesthetic(1, 9) is None
    assert looks.maker == eye.maker != MAKER
    alone = Eye.of(Weights(weights.open_clip))
    assert alone is not None and alone().looks().vector(0, 9) is None


def test_what_cannot_be_used_is_refused_before_anything_is_decoded(weights, tmp_path):
    with pytest.raises(ValueError, match="give --open-clip with it"):
        Weights(aesthetic=weights.aesthetic)
    with pytest.raises(WeightsError, match="give the folder of a model"):
        Eye.of(Weights(tmp_path))
    with pytest.raises(WeightsError, match="no head at"):
        Eye.of(Weights(weights.open_clip, tmp_path / "none.pth"))
    np.savez(tmp_path / "mlp.npz", first=np.ones((4, 4)), bias=np.ones(4))
    with pytest.raises(WeightsError, match="give such a head"):
        Eye.of(Weights(weights.open_clip, tmp_path / "mlp.npz"))
    np.savez(tmp_path / "wide.npz", weight=np.ones(24), bias=np.ones(1))
    wide = Eye.of(Weights(weights.open_clip, tmp_path / "wide.npz"))
    with pytest.raises(WeightsError, match=r"takes vectors of 24 numbers.* makes 16"):
        wide and wide()
    other = Eye(Weights(weights.open_clip), {"open_clip": "another"})
    with pytest.raises(WeightsError, match="put the same ones on every machine"):
        other()


def test_runs_with_weights_and_without_are_generations_of_their_own(weights, film, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "on_ray", lambda *given: engine.in_turn())
    film("a.mkv", [24, 26])
    out = tmp_path / "set"
    run = ["run", str(tmp_path / "sources"), "--out", str(out), "--detector", "adaptive", "--clip-height-px", "32"]
    run += ["--min-shot-s", "0.2", "--max-shot-s", "2"]
    given = ["--open-clip", str(weights.open_clip), "--aesthetic", str(weights.aesthetic.with_suffix(".npz"))]

    def makers():
        table = annotations.load_kind(open_store(out), "vectors")
        assert table is not None
        return {maker.split()[0] for maker in table["maker"].to_pylist()}

    def column(kind, name):
        table = annotations.load_kind(open_store(out), kind)
        assert table is not None
        return table[name].to_pylist()

    assert cli.main([*run, *given]) == 0
    assert makers() == {"open_clip"} and None not in column("scores", "aesthetic")
    assert cli.main(["decide", str(out), "--least-aesthetic", "99"]) == 0
    assert all("B: aesthetic 5" in " ".join(reasons) for reasons in column("tiers", "reasons"))
    assert cli.main(["retry", str(out)]) == 2 and "--open-clip" in capsys.readouterr().err
    assert cli.main(["plan", *run[1:], *given]) == 0
    assert "0 new, 0 known, 1 done" in capsys.readouterr().out
    assert cli.main(run) == 0
    assert manifest.generations(out).video == (1, 2)
    assert makers() == {MAKER.split()[0]} and set(column("scores", "aesthetic")) == {None}
