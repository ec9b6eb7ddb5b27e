"""All that can be set about a room, in one frozen dataclass: where it keeps things, who sees what how often, limits."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from animatrix_reward.refused import Refused


class SettingsError(Refused):
    """A setting that cannot be; the message names it, its value and what may be."""


@dataclass(frozen=True)
class Shares:
    """Where comparisons come from. They sum to 1.

    `gain`: the pair whose vote teaches most; `random`: drawn blindly and held out; `gold`: the answer is known;
    `repeat`: a pair the rater has judged, sides swapped.
    """

    gain: float = 0.70
    random: float = 0.20
    gold: float = 0.05
    repeat: float = 0.05

    def __post_init__(self) -> None:
        total = self.gain + self.random + self.gold + self.repeat
        if min(self.gain, self.random, self.gold, self.repeat) < 0 or abs(total - 1) > 1e-9:
            raise SettingsError(f"shares: {self} sums to {total:g}; give shares from 0 up that sum to 1")


@dataclass(frozen=True)
class Mix:
    """What somebody gets who asks for no kind of task. They sum to 1."""

    compare: float = 0.6
    rate: float = 0.2
    deform: float = 0.2


@dataclass(frozen=True)
class Limits:
    """How much one person, and one address (a studio may sit behind one), may ask for. Buckets refill evenly."""

    person_per_s: float = 40.0
    person_burst: int = 200
    address_per_s: float = 400.0
    address_burst: int = 2000
    enter_per_minute: float = 20.0
    """attempts to enter with an invitation, per address"""
    body_bytes: int = 2_000_000


@dataclass(frozen=True)
class Settings:
    """One room. Everything it owns lies in `folder`: the database unless `database_url` names another, the key that
    signs sessions, and frames already decoded."""

    folder: Path
    database_url: str = ""
    """empty: SQLite in the folder; else postgresql://user:password@host/name"""
    shares: Shares = field(default_factory=Shares)
    mix: Mix = field(default_factory=Mix)
    limits: Limits = field(default_factory=Limits)
    raters: int = 3
    """people who see each comparison, rating and deformation task"""
    correctors: int = 1
    """people who see each caption"""
    lease_s: float = 1200.0
    """how long a task waits for the person who has it before another may get it"""
    repeat_after: int = 10
    """comparisons between a pair and its planned repeat"""
    refresh_s: float = 20.0
    """seconds between two reckonings of what each pair would teach, where votes came in"""
    session_days: float = 30.0
    https: bool = False
    """the room is reached over HTTPS: cookies are marked Secure"""

    def __post_init__(self) -> None:
        for name in ("raters", "correctors", "lease_s", "repeat_after", "refresh_s", "session_days"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"settings: {name} is {getattr(self, name)}; it must be above 0")

    @property
    def url(self) -> str:
        """The database's URL as SQLAlchemy reads it. PostgreSQL is spoken by pg8000, which is permissively licensed."""
        if not self.database_url:
            return f"sqlite:///{self.folder / 'room.sqlite'}"
        scheme, colon, rest = self.database_url.partition("://")
        if not colon or scheme not in ("sqlite", "postgresql", "postgresql+pg8000"):
            raise SettingsError(
                f"database_url: {scheme!r} is not served; give postgresql://user:password@host/name or sqlite:///file"
            )
        return f"{'postgresql+pg8000' if scheme.startswith('postgresql') else scheme}://{rest}"

    @property
    def frames(self) -> Path:
        """The folder for decoded frames."""
        return self.folder / "frames"

    def secret(self) -> bytes:
        """The key that signs sessions, made on first need, readable by its owner only."""
        path = self.folder / "room.secret"
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) < 32:
                raise SettingsError(f"{path}: only {len(key)} bytes; remove it (everybody must enter again)") from None
            return key
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()
