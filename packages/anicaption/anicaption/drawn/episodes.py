"""The script `episode`: anime as television cuts it, written by lot from one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn.casting import cast, locate
from anicaption.drawn.script import Acting, CameraWork, Character, Effects, Episode, Place, Shot

_TITLES = ("春の風", "夜明けの街", "海へ行こう", "約束の丘", "走れ、明日へ", "星の降る夜", "はじまりの日", "雨あがり")
_SOUNDS = ("ドン", "バン", "ゴゴゴ", "ドドド", "ザン")


def write_episodes(n_episodes: int, seed: int, n_shots: int | None = None) -> list[Episode]:
    """`n_episodes` episodes that share one opening; `n_shots` counts the shots after it (9 to 14 by default)."""
    opening = _Writer(np.random.default_rng([seed, 0xB])).opening()
    episodes = []
    for number in range(n_episodes):
        rng = np.random.default_rng([seed, number, 1])
        writer = _Writer(rng)
        cold = writer.cold_open() if number % 2 else []
        body = writer.body(n_shots or int(rng.integers(9, 13)), number)
        shots = _joined_up([*cold, *opening, *body])
        name = f"episode-{seed:04d}-{number:03d}"
        episodes.append(Episode(name, int(seed), tuple(shots), (len(cold), len(cold) + len(opening))))
    return episodes


def _joined_up(shots: list[Shot]) -> list[Shot]:
    """Dissolves need both neighbours to know; a shot's `into` says what the one before does at its end."""
    joined = list(shots)
    for i in range(1, len(joined)):
        if joined[i].into[0] == "dissolve":
            joined[i - 1] = replace(joined[i - 1], out=joined[i].into)
    return joined


_PLAIN = Effects()


class _Writer:
    """One author: a cast of two or three, places to meet, and the shots they make."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.cast = [cast(rng) for _ in range(3)]
        self.light = str(rng.choice(["normal_day", "evening", "night", "dawn"], p=[0.45, 0.25, 0.15, 0.15]))

    def seconds(self, low: float, high: float) -> int:
        return round(self.rng.uniform(low, high) * 24)

    def someone(self) -> Character:
        return self.cast[int(self.rng.integers(len(self.cast)))]

    def place(
        self, layering: str = "single_plane", kind: str | None = None, near: float = 1.0, blur: bool = False
    ) -> Place:
        light = self.light if self.rng.random() < 0.75 else None
        place = locate(self.rng, kind, light, layering)
        return replace(place, nearness=place.nearness * near, blur=blur)

    def work(self, moves: tuple[str, ...], low: float, high: float, easing: str | None = None) -> CameraWork:
        easing = easing or str(self.rng.choice(["constant", "slow_start", "slow_end", "slow_both"]))
        return CameraWork(moves, float(self.rng.uniform(low, high)), easing)

    def shot(
        self, n_frames: int, place: Place, work: CameraWork, who=None, acting=None, effects=_PLAIN, **more
    ) -> Shot:
        effects = replace(effects, seed=int(self.rng.integers(1 << 20)))
        return Shot(n_frames, int(self.rng.integers(1 << 30)), place, work, who, acting, effects, **more)

    def light_effects(self, *kinds: str) -> Effects:
        return Effects(light=kinds)

    # -- the shots ---------------------------------------------------------------------------------------------

    def establish(self, **more) -> Shot:
        move = str(self.rng.choice(["pan_left", "pan_right", "pan_up", "pan_down", "track_back"]))
        layering = str(self.rng.choice(["single_plane", "parallax", "book"]))
        kind = str(self.rng.choice(["meadow", "sea", "town", "skyline", "forest"]))
        return self.shot(
            self.seconds(2.0, 3.2),
            self.place(layering, kind),
            self.work((move,), 0.25, 0.9),
            effects=self.light_effects("para", *(["rays"] if kind == "forest" else [])),
            **more,
        )

    def walk(self, **more) -> Shot:
        n, exposure = self.seconds(1.8, 2.8), int(self.rng.choice([2, 3]))
        mirrored = bool(self.rng.random() < 0.5)
        if self.rng.random() < 0.5:
            acting = Acting(
                "walk",
                exposure,
                "full",
                0.6,
                mirrored,
                "calm",
                period_frames=24,
                travel=(-1 if mirrored else 1) * 0.018 * n,
            )
            return self.shot(n, self.place(), CameraWork(), self.someone(), acting, self.light_effects("para"), **more)
        move = "pan_left" if mirrored else "pan_right"
        acting = Acting(
            "walk", exposure, str(self.rng.choice(["full", "knee"])), 0.6, mirrored, "calm", period_frames=24
        )
        work = CameraWork((move, "follow"), float(self.rng.uniform(0.8, 1.3)), "constant")
        return self.shot(n, self.place("parallax"), work, self.someone(), acting, self.light_effects("para"), **more)

    def run(self, **more) -> Shot:
        n, mirrored = self.seconds(1.4, 2.2), bool(self.rng.random() < 0.5)
        acting = Acting(
            "run",
            int(self.rng.choice([1, 2])),
            str(self.rng.choice(["full", "knee"])),
            0.7,
            mirrored,
            "determination",
            period_frames=12,
        )
        work = CameraWork(
            ("pan_left" if mirrored else "pan_right", "follow"), float(self.rng.uniform(2.3, 3.4)), "constant"
        )
        lines = (("speed", 0, n),) if self.rng.random() < 0.6 else ()
        return self.shot(n, self.place(), work, self.someone(), acting, Effects(lines=lines), **more)

    def talk(self, **more) -> Shot:
        n = self.seconds(1.8, 3.0)
        emotion = str(self.rng.choice(["calm", "joy", "sadness", "anger", "embarrassment", "smug"]))
        acting = Acting(
            "talk",
            3,
            str(self.rng.choice(["bust", "waist", "close_up"])),
            float(self.rng.uniform(0.05, 0.7)),
            bool(self.rng.random() < 0.5),
            emotion,
            period_frames=18,
            at_x=float(self.rng.uniform(-0.15, 0.15)),
        )
        work = CameraWork() if self.rng.random() < 0.55 else self.work(("track_up",), 0.05, 0.15, "constant")
        return self.shot(
            n,
            self.place(near=1.6, blur=bool(self.rng.random() < 0.5)),
            work,
            self.someone(),
            acting,
            self.light_effects("para"),
            **more,
        )

    def wave(self, **more) -> Shot:
        n = self.seconds(1.4, 2.2)
        acting = Acting(
            "wave",
            2,
            str(self.rng.choice(["knee", "waist"])),
            0.25,
            bool(self.rng.random() < 0.5),
            "joy",
            period_frames=16,
        )
        return self.shot(
            n, self.place(near=1.3), CameraWork(), self.someone(), acting, self.light_effects("para", "flare"), **more
        )

    def stand(self, **more) -> Shot:
        n = self.seconds(1.8, 2.8)
        back = self.rng.random() < 0.4
        acting = Acting(
            "back" if back else "idle",
            3,
            str(self.rng.choice(["full", "knee", "waist"])),
            float(self.rng.uniform(0.1, 0.6)),
            bool(self.rng.random() < 0.5),
            "none" if back else "calm",
            period_frames=48,
            at_x=float(self.rng.uniform(-0.4, 0.4)),
        )
        move = str(self.rng.choice(["pan_up", "track_back", "pan_left", "pan_right", "none"]))
        work = CameraWork() if move == "none" else self.work((move,), 0.22, 0.55)
        return self.shot(
            n,
            self.place(str(self.rng.choice(["single_plane", "book"]))),
            work,
            self.someone(),
            acting,
            self.light_effects("para", "backlight_glow"),
            **more,
        )

    def shock(self, **more) -> Shot:
        n = self.seconds(1.0, 1.6)
        acting = Acting(
            "pose",
            0,
            str(self.rng.choice(["bust", "close_up"])),
            float(self.rng.uniform(0.0, 0.5)),
            False,
            str(self.rng.choice(["surprise", "anger"])),
        )
        return self.shot(
            n,
            self.place(near=1.6, blur=True),
            self.work(("track_up",), 0.65, 1.2, "slow_end"),
            self.someone(),
            acting,
            Effects(lines=(("focus", 4, n),)),
            **more,
        )

    def punch(self, **more) -> Shot:
        n, hit = 44, 18  # the blow lands on the drawing at half of a course of 36 frames
        kind = str(self.rng.choice(["mono", "inverted", "white_flash", "black_flash"]))
        back = hit + 2 if kind.endswith("flash") else hit + 1 + int(self.rng.integers(2, 4))
        size, mirrored = str(self.rng.choice(["full", "knee"])), bool(self.rng.random() < 0.5)
        acting = Acting("punch", 2, size, 0.5, mirrored, "determination", period_frames=36, at_x=-0.1)
        effects = Effects(
            lines=(("speed", hit, n - 8),),
            impacts=((kind, hit + 1, back),),
            text=(("onomatopoeia", str(self.rng.choice(_SOUNDS)), back, n - 6),),
            text_x=0.6 if mirrored else 0.01,
        )
        work = CameraWork(shake="impact", shake_start=hit + 1, shake_seed=int(self.rng.integers(1 << 20)))
        return self.shot(n, self.place(near=1.2), work, self.someone(), acting, effects, **more)

    def jump(self, **more) -> Shot:
        acting = Acting(
            "jump",
            int(self.rng.choice([1, 2])),
            "full",
            0.4,
            bool(self.rng.random() < 0.5),
            "joy",
            period_frames=34,
            lead_frames=4,
        )
        return self.shot(44, self.place(), CameraWork(), self.someone(), acting, self.light_effects("para"), **more)

    def gag(self, **more) -> Shot:
        n = self.seconds(1.6, 2.2)
        start = n // 2 - n // 2 % 3
        acting = Acting(
            "talk", 3, "waist", 0.2, False, "embarrassment", period_frames=18, deformations=(("chibi_shift", start, n),)
        )
        return self.shot(
            n, self.place(near=1.4), CameraWork(), self.someone(), acting, self.light_effects("para"), **more
        )

    def hero(self, **more) -> Shot:
        n = self.seconds(1.4, 2.2)
        move = str(self.rng.choice(["track_up", "pan_up", "roll_cw", "roll_ccw", "track_back"]))
        low, high = {"track_up": (0.7, 1.6), "track_back": (0.7, 1.6), "pan_up": (0.8, 1.6)}.get(move, (0.25, 0.5))
        easing = "snap_stop" if self.rng.random() < 0.3 else None
        acting = Acting(
            "pose",
            0,
            # A zoom keeps its middle, and only a near figure has its face there.
            str(self.rng.choice(["waist", "bust"] if move.startswith("track") else ["full", "knee", "waist"])),
            0.4,
            bool(self.rng.random() < 0.5),
            "determination",
        )
        effects = (
            Effects(lines=(("focus", n // 2, n),), light=("para",))
            if self.rng.random() < 0.4
            else self.light_effects("para", "flare")
        )
        return self.shot(
            n, self.place(), self.work((move,), low, high, easing), self.someone(), acting, effects, **more
        )

    def quake(self, **more) -> Shot:
        shake = str(self.rng.choice(["continuous", "handheld"]))
        acting = Acting("idle", 3, "knee", 0.3, False, "surprise", period_frames=48)
        work = CameraWork(shake=shake, shake_seed=int(self.rng.integers(1 << 20)))
        return self.shot(
            self.seconds(1.6, 2.2), self.place(), work, self.someone(), acting, self.light_effects("para"), **more
        )

    def title(self, words: str, **more) -> Shot:
        n = self.seconds(2.0, 2.6)
        return self.shot(
            n,
            self.place("parallax", str(self.rng.choice(["sea", "meadow", "skyline"]))),
            self.work(("pan_up",), 0.22, 0.5, "slow_end"),
            effects=Effects(text=(("title_card", words, n // 5, n),), light=("para",)),
            **more,
        )

    # -- the order ---------------------------------------------------------------------------------------------

    def opening(self) -> list[Shot]:
        """About ten seconds that every episode of a call shows."""
        words = str(self.rng.choice(_TITLES))
        return [
            self.establish(into=("fade_white", 10)),
            self.run(),
            self.hero(),
            self.punch(),
            self.wave(),
            self.title(words, into=("dissolve", 12), out=("fade_white", 12)),
        ]

    def cold_open(self) -> list[Shot]:
        return [self.stand(into=("fade_black", 12)), self.shock(out=("fade_black", 8))]

    def body(self, n_shots: int, number: int) -> list[Shot]:
        words = f"第{number + 1}話\n{_TITLES[int(self.rng.integers(len(_TITLES)))]}"
        makers = [
            self.talk,
            self.walk,
            self.stand,
            self.shock,
            self.jump,
            self.gag,
            self.punch,
            self.hero,
            self.run,
            self.wave,
            self.talk,
            self.quake,
        ]
        order = [makers[i] for i in self.rng.permutation(len(makers))]
        shots = [self.establish(into=("fade_black", 12)), self.title(words)]
        while len(shots) < n_shots - 1:
            maker = order[(len(shots) - 2) % len(order)]
            into = ("dissolve", int(self.rng.choice([8, 12, 16]))) if self.rng.random() < 0.14 else ("none", 0)
            shots.append(maker(into=into))
        shots.append(self.stand(into=("dissolve", 16), out=("fade_black", 16)))
        return shots[:n_shots]
