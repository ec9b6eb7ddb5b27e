"""The commands of the annotation room. What a command needs is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True, kw_only=True)
class InRoom:
    """What every command of a room is told: which room."""

    room: Path = Path("build/room")
    """the room's folder; it is made if it is not there"""
    database_url: str = ""
    """postgresql://user:password@host/name; SQLite in the folder without"""

    def store(self):
        from animatrix_reward.room.settings import Settings
        from animatrix_reward.room.store import Store

        return Store(Settings(self.room, self.database_url))


@dataclass(frozen=True)
class Serve(InRoom):
    """Serve the annotation room. The first start prints an invitation for an administrator."""

    host: str = "127.0.0.1"
    port: int = 8008
    https: bool = False
    """cookies are marked Secure: a proxy in front speaks HTTPS"""
    behind_proxy: bool = False
    """believe X-Forwarded-For of a proxy on this machine: rate limits count its visitors, not the proxy"""
    raters: int = 3
    """people who see each comparison, rating and deformation task"""
    lease_s: float = 1200.0
    """how long a task waits for the person who has it"""

    def __call__(self) -> int:
        import uvicorn

        from animatrix_reward.room import people
        from animatrix_reward.room.app import create_app
        from animatrix_reward.room.settings import Settings

        settings = Settings(self.room, self.database_url, https=self.https, raters=self.raters, lease_s=self.lease_s)
        app = create_app(settings)
        with app.state.store.write() as session:
            first = None if people.everybody(session) else people.invite(session, ("admin",))
        if first:
            print(
                f"nobody is here yet; enter as administrator: http://{self.host}:{self.port}/enter#{first}", flush=True
            )
        print(f"the room: http://{self.host}:{self.port}", flush=True)
        uvicorn.run(
            app,
            host=self.host,
            port=self.port,
            server_header=False,
            proxy_headers=self.behind_proxy,
            log_level="warning",
            timeout_keep_alive=75,
        )
        return 0


@dataclass(frozen=True)
class AddClips(InRoom):
    """Let clips of a JSONL list into the room, all or none. What is not rated general or sensitive is refused."""

    clips: Annotated[Path, tyro.conf.Positional]
    """lines {"prompt", "model", "path", "rating", "motion", "tags", "text"}; paths relative to the list"""
    pairs: Path | None = None
    """lines {"left": clip, "right": clip}: comparisons to be made first"""
    raters: Path | None = None
    """{prompt: [seats]}, as `study-prompts` writes it: who rates which prompt; `invite --seats` lets them in"""

    def __call__(self) -> int:
        from animatrix_reward.room import add

        store, seats = self.store(), add.read_seats(self.raters) if self.raters else {}
        n_clips, n_tasks = add.add(store, add.read_list(self.clips), str(self.clips), seats)
        print(f"{self.clips}: {n_clips} clips, {n_tasks} tasks")
        if self.pairs:
            print(f"{self.pairs}: {add.ask(store, self.pairs)} pairs come first")
        return 0


@dataclass(frozen=True)
class Prepare(InRoom):
    """Decode the room's clips now, so that nobody waits for the first look at one."""

    def __call__(self) -> int:
        from animatrix_reward.room.frames import Bundles
        from animatrix_reward.room.prepare import prepare

        store = self.store()
        done = prepare(store, Bundles(store.settings.frames, workers=1), tell=print)
        print(f"{done.n_ready} clips ready, {len(done.broken)} cannot be shown, {done.n_left} found no room")
        return 2 if done.broken else 0


@dataclass(frozen=True)
class AddPairs(InRoom):
    """Ask for comparisons that shall be made first, of clips in the room."""

    pairs: Annotated[Path, tyro.conf.Positional]
    """lines {"left": clip, "right": clip}"""

    def __call__(self) -> int:
        from animatrix_reward.room import add

        print(f"{self.pairs}: {add.ask(self.store(), self.pairs)} pairs come first")
        return 0


@dataclass(frozen=True)
class Invite(InRoom):
    """Print the link of a new invitation."""

    roles: tuple[Literal["rater", "expert", "admin"], ...] = ("rater",)
    uses: int = 1
    """how many people may enter by it"""
    days: float = 14.0
    """days until it runs out"""
    person: str = ""
    """let this person in again (another browser), with the roles they have"""
    seats: int = 0
    """print one invitation for each of so many raters of a study, numbered from 0 as in its raters.json"""
    url: str = "http://127.0.0.1:8008"
    """the room's address as people reach it"""

    def __call__(self) -> int:
        from animatrix_reward.room import people

        enter = f"{self.url.rstrip('/')}/enter#"
        with self.store().write() as session:
            if not self.seats:
                print(enter + people.invite(session, self.roles, self.uses, self.days, self.person))
            for seat in range(self.seats):
                print(f"{seat}  {enter}{people.invite(session, self.roles, 1, self.days, seat=seat)}")
        return 0


@dataclass(frozen=True)
class People(InRoom):
    """List who is in the room, or send somebody away."""

    send_away: str = ""
    """end all sessions of this person, until an invitation with --person lets them in again"""

    def __call__(self) -> int:
        from animatrix_reward.room import people, review

        store = self.store()
        if self.send_away:
            with store.write() as session:
                people.send_away(session, self.send_away)
        with store.look() as db:
            done_by = review.votes(db)
            for row in people.everybody(db):
                done = ", ".join(f"{kind} {n}" for kind, n in done_by.get(row.id, {}).items())
                print(f"{row.id}  {row.name}  {'+'.join(row.roles)}  {'' if row.active else 'sent away  '}{done}")
        return 0


@dataclass(frozen=True)
class Import(InRoom):
    """Bring votes in from a file: all of them, or none with the line and the reason."""

    votes: Annotated[Path, tyro.conf.Positional]
    """.jsonl, .parquet, .json (Label Studio) or .csv (VideoAlign)"""
    translate: bool = False
    """bring votes of an older, released taxonomy to today's words"""

    def __call__(self) -> int:
        from animatrix_reward.room.transfer import bring_in

        n = bring_in(self.store(), self.votes, translate=self.translate)
        print(f"{self.votes}: {n} events")
        return 0


@dataclass(frozen=True)
class Export(InRoom):
    """Write votes to a file, in the format that its name ends with."""

    votes: Annotated[Path, tyro.conf.Positional]
    """.jsonl, .parquet, .json (Label Studio) or .csv (VideoAlign)"""
    kinds: tuple[str, ...] = ()
    """only these kinds of event, and undo"""

    def __call__(self) -> int:
        from animatrix_reward.room.transfer import take_out

        done = take_out(self.store(), self.votes, self.kinds)
        left_out = f"; {done.n_left_out} have no place in this format" if done.n_left_out else ""
        print(f"{self.votes}: {done.n_events} events{left_out}")
        return 0


@dataclass(frozen=True)
class Corrections(InRoom):
    """Write corrected captions as ingest's corrections: what `anicaption train` learns of."""

    corrections: Annotated[Path, tyro.conf.Positional]
    """.jsonl with rows key, field, values, who, when"""

    def __call__(self) -> int:
        from animatrix_reward.room.transfer import corrections

        print(f"{self.corrections}: {corrections(self.store(), self.corrections)} corrections")
        return 0


@dataclass(frozen=True)
class Agreement:
    """How far raters agree: Krippendorff's alpha per dimension with intervals over prompts, and models ranked."""

    source: Annotated[Path, tyro.conf.Positional] = Path("build/room")
    """a room's folder, or a .jsonl file of events"""
    database_url: str = ""
    draws: int = 1000
    """draws of the bootstrap"""

    def __call__(self) -> int:
        from animatrix_reward import agreement_report as agreement
        from animatrix_reward import events
        from animatrix_reward.room import review
        from animatrix_reward.room.store import events as kept

        prompts: dict[str, str] = {}
        models: dict[str, str] = {}
        repeats: list[str] = []
        if self.source.suffix == ".jsonl":
            said = events.read(self.source)
        else:
            with InRoom(room=self.source, database_url=self.database_url).store().look() as db:
                said = kept(db)
                prompts, models, repeats = review.clip_prompts(db), review.clip_models(db), review.repeats(db)
        print(agreement.as_text(agreement.report(said, prompts, repeats=repeats, draws=self.draws)))
        if models:
            ranked = agreement.strengths(said, models, repeats=repeats)
            print(ranked if isinstance(ranked, str) else agreement.strengths_as_text(ranked))
        return 0
