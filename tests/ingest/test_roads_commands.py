"""What the READMEs tell people to type exists: every command line parses, every make target has a recipe."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from animatrix_ingest import cli

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "infra/README.md", "CONTRIBUTING.md")
PLACES = {"DIR": "a_place", "KEY": "abc", "SOURCE": "a.mkv", "...": "a_place"}
COMMANDS = ("plan", "run", "status", "retry", "recaption", "decide", "explain", "report", "verify", "forget", "gc")


def spoken(page: str, first: str) -> list[str]:
    """Every `first ...` in a page, in code spans and in blocks of code."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))
    found = [words for words in (*lines, *spans) if words.startswith(f"{first} ")]
    return sorted(set(found))


def all_spoken(first: str) -> list[tuple[str, str]]:
    return [(page, words) for page in PAGES for words in spoken(page, first)]


@pytest.mark.parametrize(("page", "line"), all_spoken("animatrix-ingest"))
def test_every_ingest_command_of_a_page_parses(page, line):
    words = [PLACES.get(word, word) for word in shlex.split(line)[1:]]
    if words[1:] == ["a_place"] and words[0] in ("run", "plan"):
        words += ["--out", "a_place"]
    assert callable(cli.parse(words)), line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_house_tells_what_it_does(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.parse([name, "--help"])
    said = capsys.readouterr().out
    assert stopped.value.code == 0 and f"animatrix-ingest {name}" in said


def test_the_page_names_every_command():
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"`{name}`" not in text and f"animatrix-ingest {name}" not in text] == []


@pytest.mark.parametrize(("page", "line"), all_spoken("make"))
def test_every_make_line_of_a_page_has_a_recipe(page, line):
    words = [word if not word.endswith("=") else f"{word}a_place" for word in shlex.split(line)[1:]]
    given = [word.replace("...", "a_place") for word in words]
    missing = [f"{name}=a_place" for name in needs(given[0]) if not any(word.startswith(f"{name}=") for word in given)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--dry-run", "--assume-old", ".venv/.ready", *given, *missing],
        cwd=ROOT, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def needs(target: str) -> list[str]:
    """The variables that a target asks for, where a page leaves them out."""
    recipe = re.search(rf"^{re.escape(target)}:.*?(?=^\S|\Z)", (ROOT / "Makefile").read_text(), re.S | re.M)
    assert recipe, f"no target {target}"
    return re.findall(r"\$\(or \$\((\w+)\),\$\(error", recipe[0])


def test_pages_speak_of_commands_at_all():
    """The two lists above are not empty by a slip of their pattern."""
    assert len(all_spoken("animatrix-ingest")) >= 4 and len(all_spoken("make")) >= 10
