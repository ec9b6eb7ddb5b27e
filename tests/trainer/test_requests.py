"""Requests are read whole, checked before anything is drawn, and named where they are wrong."""

import json
from pathlib import Path

import pytest
from animatrix_trainer.config import Window
from animatrix_trainer.requests import Request, RequestError, read_requests


def lines(tmp_path, *requests):
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in requests) + "\n", "utf-8")
    return path


def test_a_file_gives_names_and_paths_beside_it(tmp_path):
    path = lines(
        tmp_path,
        {"name": "a", "tags": "camera.move=pan_left", "seed": 3, "image": "a.png", "keys": {"8": "b.png"}},
        "",
        {"text": "a cat"},
    )
    (first, one), (second, two) = read_requests(path)
    assert (first, second) == ("a", "0003")
    assert one.image == tmp_path / "a.png" and one.keys == {8: tmp_path / "b.png"} and two.text == "a cat"
    assert one.pictures(9) == {0: tmp_path / "a.png", 8: tmp_path / "b.png"}
    assert json.loads(one.to_json()) == {
        "tags": "camera.move=pan_left", "seed": 3, "image": "a.png", "keys": {"8": "b.png"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: is no JSON"),
        ("[1]", "line 2: is no object"),
        ({"tag": "x"}, r"line 2: has \['tag'\]"),
        ({"tags": "camera.move=pan_lft"}, "line 2: .*did you mean 'pan_left'"),
        ({"not_tags": "camera.mve=pan_left"}, "line 2: .*did you mean 'camera.move'"),
        ({"seed": "one"}, "line 2: seed='one' should be of type int"),
        ({"keys": {"x": "a.png"}}, "line 2: keys: 'x' is no frame number"),
        ({"fields": "camera.move=2"}, "line 2: .*has a scale but no tag"),
        ({"name": "../a"}, "line 2: name '../a' is taken or no plain file name"),
        ({"name": "0001"}, "line 2: name '0001' is taken"),
    ],
)
def test_a_wrong_line_is_named_before_any_is_given(tmp_path, line, words):
    with pytest.raises(RequestError, match=words):
        read_requests(lines(tmp_path, {"text": "fine"}, line))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(RequestError, match="has no request"):
        read_requests(lines(tmp_path, ""))


def test_pictures_must_lie_in_the_clip_and_be_one_a_frame():
    picture = Path("a.png")
    assert Request(image=picture, last=picture).pictures(5) == {0: picture, 4: picture}
    with pytest.raises(RequestError, match="frame 5 lies outside the clip, which has frames 0 to 4"):
        Request(keys={5: picture}).pictures(5)
    with pytest.raises(RequestError, match="frame 4 is given twice"):
        Request(keys={4: picture}, last=picture).pictures(5)


def test_sizes_are_the_checkpoints_where_nothing_is_said():
    assert Request().window(Window(5, 24, 40)) == Window(5, 24, 40)
    assert Request(frames=9, width_px=80).window(Window(5, 24, 40)) == Window(9, 24, 80)
    with pytest.raises(RequestError, match="try 9"):
        Request(frames=10).window(Window(5, 24, 40))
