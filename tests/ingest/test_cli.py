import subprocess
import sys

import pytest
from animatrix_ingest import cli, engine, recipes
from animatrix_ingest.bars import Bars
from animatrix_ingest.commands_run import Run
from animatrix_ingest.decisions import decided_with
from animatrix_ingest.keep import manifest
from rich.console import Console


@pytest.fixture
def here(monkeypatch):
    """The command without Ray: its items are done in this process."""
    monkeypatch.setattr(engine, "on_ray", lambda *_: engine.in_turn())


FLAGS = ["--detector", "adaptive", "--clip-height-px", "32", "--min-shot-s", "0.2", "--max-shot-s", "2"]


def test_a_run_and_a_second_run(here, film, tmp_path, capsys):
    film("a.mkv", [20, 30])
    (tmp_path / "sources" / "text.mp4").write_text("not a film")
    command = ["run", str(tmp_path / "sources"), "--out", str(tmp_path / "set"), *FLAGS]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "sources  2 = 1 kept + 0 dropped + 1 dead\nshots    2 = 2 kept" in said
    assert "dead    " in said and "text.mp4: Invalid data" in said
    assert (tmp_path / "set" / "report.html").exists()
    assert cli.main(command) == 0
    assert capsys.readouterr().out.startswith("nothing to do: all 2 sources are in")


def test_nothing_kept_is_exit_status_one(here, tmp_path):
    (tmp_path / "text.mp4").write_text("not a film")
    assert cli.main(["run", str(tmp_path / "text.mp4"), "--out", str(tmp_path / "set"), *FLAGS]) == 1


def test_a_source_that_is_not_there_is_refused_by_name(here, tmp_path, capsys):
    assert cli.main(["run", str(tmp_path / "none.mkv"), "--out", str(tmp_path / "set")]) == 2
    assert "none.mkv: no such file or folder; check the path" in capsys.readouterr().err


def test_settings_that_cannot_be_are_refused_with_the_reason(tmp_path, capsys):
    command = ["run", "x.mkv", "--out", str(tmp_path), "--min-shot-s", "4"]
    with pytest.raises((SystemExit, ValueError)) as stopped:
        cli.main(command)
    assert "less than three times" in str(stopped.value) + capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--recipe", "demo"], ["--recipe=demo"]])
def test_a_recipe_sets_the_defaults_and_flags_change_them(flag):
    wanted = recipes.demo()
    command = cli.parse(["run", "x", "--out", "y", *flag, "--crf", "9", "--least-s", "0.3"])
    assert isinstance(command, Run)
    assert command.settings.clip_height_px == wanted.settings.clip_height_px
    assert command.settings.crf == 9 != wanted.settings.crf
    assert command.deciding.thresholds.least_rows_px == wanted.deciding.thresholds.least_rows_px
    assert command.deciding.thresholds.least_s == 0.3 != wanted.deciding.thresholds.least_s


def test_decide_explain_and_report_without_decoding(here, film, tmp_path, capsys, monkeypatch):
    film("a.mkv", [20, 30])
    out = str(tmp_path / "set")
    assert cli.main(["run", str(tmp_path / "sources"), "--out", out, *FLAGS]) == 0
    key = manifest.load(out)["key"][0].as_py()

    def refused(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("anicaption.frames.frames", refused)
    assert cli.main(["decide", out, "--least-rows-px", "16", "--unknown-work", "folder"]) == 0
    assert "labels   generation" in capsys.readouterr().out
    assert cli.main(["explain", key[:8], "--dataset", out]) == 0
    assert "technical holds     height_px >= 16: 32" in capsys.readouterr().out
    assert cli.main(["explain", "nokey", "--dataset", out]) == 2
    assert (tmp_path / "set" / "datacard.md").read_text().startswith("# ")


def test_help_names_the_settings_without_importing_what_is_heavy():
    code = "import sys; from animatrix_ingest.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('ray', 'torch', 'cv2', 'av', 'pyarrow', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert "--max-shot-s" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_bars_show_sources_and_speed(capsys):
    console = Console(force_terminal=True, width=120)
    with Bars(console) as bars:
        bars.begin("ingesting", 2)
        bars.at("one.mkv", 0, 0)
        bars.at("one.mkv", 480, 7)
        console.print(bars._render())
        bars.done("one.mkv", "7 clips")
    said = capsys.readouterr().out
    assert "one.mkv: 7 clips" in said and "480 frames" in said and "7 shots" in said and "1/2" in said


def test_verdicts_hold_on_until_others_are_given(here, film, tmp_path):
    film("a.mkv", [20, 30])
    out = str(tmp_path / "set")
    assert cli.main(["run", str(tmp_path / "sources"), "--out", out, *FLAGS]) == 0
    keys = sorted(manifest.load(out)["key"].to_pylist())
    said = tmp_path / "said.csv"
    said.write_text(f"key,verdict,who,when\n{keys[0]},quarantine,ito,2026-11-22\n")

    def quarantined() -> list[str]:
        table = manifest.load(out)
        return [key for key, tier in zip(table["key"].to_pylist(), table["tier"].to_pylist()) if tier == "quarantined"]

    assert cli.main(["decide", out, "--verdicts", str(said)]) == 0
    assert quarantined() == keys[:1]
    assert cli.main(["decide", out, "--least-rows-px", "16"]) == 0
    assert quarantined() == keys[:1]
    said.write_text(f"key,verdict,who,when\n{keys[1]},reject,ito,2026-11-22\n")
    assert cli.main(["decide", out, "--verdicts", str(said)]) == 0
    assert quarantined() == []


def test_a_run_with_more_sources_decides_as_before(here, film, tmp_path):
    film("a.mkv", [20])
    out = str(tmp_path / "set")
    run = ["run", str(tmp_path / "sources"), "--out", out, *FLAGS]
    assert cli.main(run) == 0
    assert cli.main(["decide", out, "--least-rows-px", "16", "--most-static", "1"]) == 0
    decided = decided_with(out)
    assert decided and (decided.thresholds.least_rows_px, decided.thresholds.most_static) == (16, 1)
    film("b.mkv", [30], seed=1)
    assert cli.main(run) == 0
    assert manifest.load(out).num_rows == 2 and decided_with(out) == decided
    assert cli.main([*run, "--least-rows-px", "100"]) == 0
    assert decided_with(out) == decided, "nothing was new, so it stays decided, and the run says so"
