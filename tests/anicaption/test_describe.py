import json
import subprocess
import sys
from pathlib import Path

import pytest
from anicaption import describe
from anicaption.cli import main
from anicaption.record import Record, Span, measured
from anicaption.releases import released
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Tracks

jsonschema = pytest.importorskip("jsonschema")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "taxonomy.md"


def record(**fields):
    spans = [Span(value="twos", start=0, end=4)]
    variables = {"motion.timing": measured("motion.timing", ["twos"], {"twos": 0.9}, spans=spans)}
    import numpy as np

    return Record.build(Tracks(24, 64, 36, {"luma": np.zeros(4, np.float32)}), variables | fields)


def test_a_record_satisfies_its_schema_and_a_wrong_one_does_not():
    schema = describe.record_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    value = json.loads(json.dumps(record().to_json()))
    jsonschema.validate(value, schema)
    value["motion"]["timing"]["values"] = ["2s"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema)


def test_the_documentation_page_is_what_the_command_writes():
    assert PAGE.read_text("utf-8") == describe.markdown(), "run: anicaption taxonomy --markdown > docs/taxonomy.md"
    for field in taxonomy():
        assert f"### {field.id} · {field.ja}" in describe.markdown()


def test_the_diff_command_fails_only_where_an_id_broke(tmp_path, capsys):
    assert main(["taxonomy", "--diff", released()[0].version]) == 0
    assert "camera.easing=ease_in -> camera.easing=slow_start" in capsys.readouterr().out
    renamed = tmp_path / "renamed.yaml"
    text = (Path(describe.__file__).parent / "taxonomy.yaml").read_text("utf-8")
    renamed.write_text(text.replace("id: digital_2d,", "id: digital,"), "utf-8")
    assert main(["taxonomy", "--diff", str(renamed)]) == 1
    assert "value 1 was style.medium=digital, is style.medium=digital_2d" in capsys.readouterr().out
    assert main(["taxonomy", "--diff", "0.0.0"]) == 2


def test_the_commands_print():
    for option in ("--json-schema", "--markdown"):
        out = subprocess.run(
            [sys.executable, "-m", "anicaption.cli", "taxonomy", option], capture_output=True, check=True
        )
        assert len(out.stdout) > 10_000
