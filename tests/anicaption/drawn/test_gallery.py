"""The gallery: what a card claims is what its shot's truth says, and the page needs nothing but itself."""

import re

import cv2
import numpy as np
from anicaption.drawn import gallery, gallery_shots
from anicaption.taxonomy import taxonomy


def made(field: str, value: str):
    number = [v.id for v in taxonomy()[field].values].index(value)
    shots = gallery_shots._made(field, value, number)
    shown = next(i for i, shot in enumerate(shots) if gallery_shots._holds(shot, field, value))
    return gallery_shots.Example(field, value, shots, shown, gallery_shots.truth_of(shots[shown]))


def test_every_made_shot_holds_the_value_it_is_made_for():
    n_made = 0
    for field in gallery_shots._MADE:
        for value in taxonomy()[field].values:
            if value.id in gallery_shots._drawable(field) and gallery_shots._made(field, value.id, 1):
                example = made(field, value.id)
                assert value.id in example.record[field].values, (field, value.id)
                n_made += 1
    assert n_made > 130


def test_a_loop_is_its_frames_and_its_exposure_sheet():
    loop = gallery._loop(made("vfx.impact_frame", "mono"))
    assert len(loop.order) == gallery_shots.FRAMES and loop.spans == ((16, 19),)
    assert len(set(loop.order)) < len(loop.order), "frames of a drawing on twos are kept once"
    assert loop.new[0] == 0 and {t % 2 for t in loop.new} == {0}
    sheet = cv2.imdecode(np.frombuffer(loop.sheet, np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    rows = -(-(max(loop.order) + 1) // gallery._COLUMNS)
    assert sheet.shape == (rows * gallery.HEIGHT_PX, gallery._COLUMNS * gallery.WIDTH_PX, 3)


def test_a_page_shows_what_is_drawn_and_lists_what_is_not():
    examples = [made("camera.transition", "wipe_in"), made("vfx.light", "rim")]
    loops = {(one.field, one.value): gallery._loop(one) for one in examples}
    page = gallery.page(loops)
    assert "{{" not in page and page.count('class="card"') == 2
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page), "nothing is fetched from elsewhere"
    for field in taxonomy():
        assert f'id="{field.id}"' in page
        for value in field.values:
            assert f"<code>{value.id}</code>" in page
    assert page.count("data:image/webp;base64,") == 2
