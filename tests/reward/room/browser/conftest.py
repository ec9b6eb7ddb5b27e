"""A browser, a room with clips that say their numbers, and people who entered it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from anicaption.frames import read_pts
from animatrix_reward.room.store import events

from tests.reward.room.browser import footage
from tests.reward.room.browser.serving import Serving

SECRETS = ("Acme-Film-9", "Borealis-2b", "Cumulus-14B")
XSS = '<img src=x onerror="window.broken=1"><script>window.broken=1</script> & "quoted" {{7*7}}'
STAMPS_MS = [0, 42, 83, 250, 260, 300, 541, 542, 700, 834, 900, 1111]
HOLDS = [2] * 8 + [3] * 4 + [1, 1, 4]


@dataclass(frozen=True)
class Truth:
    """What was drawn, by the clip's number: what every frame says and when it is shown; a moment of the last."""

    says: dict[int, list[int]]
    times_ms: dict[int, list[float]]
    ends_ms: dict[int, float]


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "no chromium on the path; install it (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def films(tmp_path_factory) -> tuple[Path, Truth]:
    """Clips: 1 at 24000/1001, 2 and 7 held, 3 of variable rate, 4 and 5 of unequal lengths, 6 flashing."""
    folder = tmp_path_factory.mktemp("films")
    film_ms = 1001 / 24
    says, times, ends = {}, {}, {}
    for clip, n in ((1, 30), (4, 41), (5, 17), (6, 48)):
        says[clip] = footage.film(folder / f"{clip}.mp4", clip, n, flash=clip == 6)
        times[clip], ends[clip] = [i * film_ms for i in range(n)], n * film_ms
    for clip, holds in ((2, HOLDS), (7, HOLDS[::-1])):
        says[clip] = footage.held(folder / f"{clip}.mp4", clip, holds)
        times[clip], ends[clip] = [i * film_ms for i in range(len(says[clip]))], len(says[clip]) * film_ms
    says[3] = footage.timed(folder / "3.mp4", 3, STAMPS_MS)
    times[3], ends[3] = [float(stamp) for stamp in STAMPS_MS], STAMPS_MS[-1] + 1.0
    return folder, Truth(says, times, ends)


def seed(server: Serving, folder: Path) -> None:
    """Three prompts of two clips each."""
    tags = {"camera.move": ["pan_left"], "motion.deformation": ["smear_stretch"], "vfx.impact_frame": ["none"]}
    prompts = (
        ("timed", "a ball bounces at a strange rate", (1, 3)),
        ("held", XSS, (2, 7)),
        ("unequal", "a long bounce, a short bounce", (4, 5)),
    )
    server.add(
        [
            {
                "prompt": f"prompt-{name}",
                "text": text,
                "tags": tags,
                "model": SECRETS[place],
                "path": folder / f"{clip}.mp4",
                "n_frames": len(read_pts(folder / f"{clip}.mp4")[1]),
            }
            for name, text, clips in prompts
            for place, clip in enumerate(clips)
        ]
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory, films):
    """A running room with clips."""
    serving = Serving(tmp_path_factory.mktemp("room"))
    seed(serving, films[0])
    serving.start()
    yield serving
    serving.kill()
    serving.store.close()


class Sitting:
    """Somebody at a browser, in the room."""

    def __init__(self, browser, server: Serving, *roles: str, **context) -> None:
        self.server = server
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 760}, **({"locale": "en-US"} | context))
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.goto(f"{server.url}/enter#{server.invitation(*roles)}")
        self.page.fill("[name=name]", "Aoi")
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{server.url}/")
        self.person = self.page.get_attribute("body", "data-person")

    def open(self, kind: str) -> None:
        """A task's page, its player ready and still."""
        self.page.goto(f"{self.server.url}/{kind}")
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("[data-player]")
        self.page.evaluate("import('/static/player.js').then((module) => void (window.playerOf = module.playerOf))")
        self.page.wait_for_function(
            "() => { const player = playerOf(document.querySelector('[data-player]'));"
            " window.shownPlayer = player; return player && (player.covered || player.shown); }"
        )
        self.page.evaluate("shownPlayer.pause()")
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is painted."""
        self.page.wait_for_function(
            "() => { const p = shownPlayer; return p.covered || p.playing ||"
            " (p.shown && !p._dirty && !p.waiting && !p._asked && p.shown.t === p.t); }"
        )

    def press(self, *combos: str) -> None:
        for combo in combos:
            self.page.keyboard.press(combo)
        if self.page.evaluate("Boolean(window.shownPlayer) && !shownPlayer._closed"):
            self.settle()

    def shown(self, clip: int | None = None) -> dict:
        """What the canvas shows, read back from its pixels."""
        return self.page.evaluate(footage.READ, {"clip": clip})

    def saved(self) -> None:
        """Wait until the room has every answer."""
        self.page.wait_for_function(
            "() => { const s = document.querySelector('[data-sending]').dataset;"
            " return s.waiting === '0' && s.state === 'idle'; }"
        )

    def events(self, *kinds: str):
        """What the room keeps of what this person said."""
        with self.server.store.read() as session:
            return [e for e in events(session) if e.rater == self.person and (not kinds or e.kind in kinds)]

    def task(self) -> str | None:
        return self.page.get_attribute(".task", "data-task")

    def next_task(self, before: str | None) -> None:
        """Wait until another task is there, or none."""
        self.page.wait_for_function(
            "before => { const t = document.querySelector('#task .task:not(.sent)');"
            " return document.querySelector('#task .empty') || (t && t.dataset.task !== before); }",
            arg=before,
        )

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def sit(browser, server):
    """Sit somebody down: `sit()`, `sit("expert")`, `sit(locale="ja-JP")`. No page may complain, unless it says so."""
    sitting: list[Sitting] = []

    def down(*roles: str, **context) -> Sitting:
        sitting.append(Sitting(browser, server, *roles, **context))
        return sitting[-1]

    yield down
    complaints = [complaint for each in sitting for complaint in each.complaints]
    for each in sitting:
        each.close()
    assert not complaints
