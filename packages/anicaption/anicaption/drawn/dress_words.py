"""Words for the texts of drawn shots."""

from __future__ import annotations

import numpy as np

_TITLES = (
    "春の風",
    "夜明けの街",
    "海へ行こう",
    "約束の丘",
    "走れ、明日へ",
    "星の降る夜",
    "はじまりの日",
    "雨あがり",
    "第七話\n遠い声",
)
_SOUNDS = ("ドン", "バン", "ゴゴゴ", "ドドド", "ザン", "キラッ", "ビュン", "ガーン")
_LINES = (
    "もう、帰る時間だよ", "ずっと待っていたんだ", "ねえ、聞こえる?", "行こう、みんなで\n夜が明ける前に",
    "I knew you would come.", "Don't look back!", "The sea is so quiet today,\nisn't it?", "約束したじゃないか",
)  # fmt: skip
_SIGNS = ("本屋", "喫茶", "駅前", "青空市場", "花火", "写真館", "銭湯", "OPEN")
_MARKS = ("ANX", "CH7", "TV+", "夕焼TV")
_ROLES = (
    "原作",
    "監督",
    "脚本",
    "絵コンテ",
    "作画監督",
    "原画",
    "動画",
    "色彩設計",
    "美術監督",
    "撮影監督",
    "編集",
    "音楽",
)
_NAMES = ("山野 空", "川辺 青", "海原 凪", "森下 葉", "星川 光", "石田 砂", "雪村 白", "風間 走")  # fmt: skip


def words(rng: np.random.Generator, kind: str) -> str:
    """Words for a value of vfx.text, by lot."""
    if kind == "credits":
        rows = ["スタッフ", ""]
        for role in rng.permutation(_ROLES)[:7]:
            rows += [str(role), *(str(name) for name in rng.permutation(_NAMES)[: int(rng.integers(1, 4))]), ""]
        return "\n".join(rows)
    lists = {
        "title_card": _TITLES,
        "onomatopoeia": _SOUNDS,
        "subtitle": _LINES,
        "diegetic": _SIGNS,
        "watermark": _MARKS,
    }
    return str(rng.choice(lists[kind]))
