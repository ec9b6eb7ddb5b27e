import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
from anicaption.frames import read_clip
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.recipes import RECIPES

# Encodes painted shots of three sizes and prints a hash of each.
_PRINT = """
import sys
sys.path.insert(0, sys.argv[1])
from fractions import Fraction
from conftest import painted
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.store import digest
for height, width in ((48, 64), (96, 170), (180, 320)):
    encode = Encode(height, 18, sys.argv[2], 12)
    print(digest(encode(painted([10, 15], height_px=height, width_px=width), Fraction(24))))
"""


@pytest.mark.parametrize("preset", ["superfast", "veryfast"])
def test_bytes_do_not_depend_on_what_lies_in_memory(preset):
    """glibc fills fresh memory with a pattern: an encoder that reads what it never wrote gives itself away.

    With x264's macroblock tree (core 165) veryfast gave up to five different files for the same pictures.
    """
    hashes = set()
    for pattern in ("0", "85", "170"):
        memory = {"MALLOC_PERTURB_": pattern, "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "100000000"}
        command = [sys.executable, "-c", _PRINT, str(Path(__file__).parent), preset]
        done = subprocess.run(command, env=os.environ | memory, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1


def test_every_recipe_encodes_closed_gops_without_sound(paint):
    for recipe in RECIPES.values():
        settings = recipe().settings
        encode = Encode(48, settings.crf, settings.preset, settings.gop_frames)
        data = encode(paint([30]), Fraction(24))
        with av.open(io.BytesIO(data)) as clip:
            assert [stream.type for stream in clip.streams] == ["video"]
            keys = [packet.pts for packet in clip.demux(video=0) if packet.is_keyframe]
            assert clip.streams.video[0].average_rate == 24
        assert len(keys) == -(-30 // settings.gop_frames)
        assert len(read_clip(data)) == 30


def test_keys_depend_on_content_span_and_transform_only():
    encode = Encode(48, 18, "superfast", 12)
    key = encode.key("ab" * 32, 0, 100)
    assert len(key) == 32 and set(key) <= set("0123456789abcdef")
    others = [encode.key("cd" * 32, 0, 100), encode.key("ab" * 32, 0, 101)]
    others.append(Encode(48, 19, "superfast", 12).key("ab" * 32, 0, 100))
    assert len({key, *others}) == 4
    assert key == Encode(48, 18, "superfast", 12).key("ab" * 32, 0, 100)
