"""What recurs between the episodes of a work, and its part: opening, ending, eyecatch, bumper, recap, preview.

Families first: stretches that several episodes show (or, where the pictures were changed, sound) at one length are
themes, eyecatches or bumpers by their length and place. Then blocks: unbroken rows of shots that one other episode
shows apart from each other are a recap at the head and a preview at the tail. One shot that comes back elsewhere (a
bank cut) has no role; it is a copy (duplicates.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from animatrix_ingest.decide.duplicates_index import Joined
from animatrix_ingest.decide.segments_match import CELL_S, Match, Track, matches

_SOUND_EDGE = 6  # cells by which the ends of a sound may be wrong
_SAME_SHIFT = 6  # cells by which a picture's and its sound's shift may differ
_HELD_LONGER = 10  # cells by which a hold may be longer in another episode
ROLES = ("opening", "ending", "eyecatch", "bumper", "recap", "preview")


@dataclass(frozen=True)
class Rules:
    """What makes a role of what recurs. Seconds of film; shares of an episode's length."""

    theme_s: float = 8.0
    """a family at least this long is an opening or an ending; a shorter one is an eyecatch or a bumper"""
    least_s: float = 1.0
    """a shorter family is nothing"""
    theme_share: float = 0.34
    """of the episodes must have a theme, and two of them; of many, a tenth and two more will do (seasons change it)"""
    short_share: float = 0.6
    """of the episodes must have an eyecatch or a bumper, and three of them; of many, a quarter and four more will do"""
    bridge_s: float = 5.0
    """shots as long as this may be others in one version of a theme"""
    retimed_s: float = 2.0
    """by which what follows them may come sooner or later"""
    block_s: float = 2.5
    """the shortest recap and preview"""
    block_gap_s: float = 1.5
    """of unknown pictures may stand between two shots of a recap"""
    block_cover: float = 0.75
    """of a recap must be found in the other episode"""
    head: float = 0.45
    """openings have their middle before this share of an episode"""
    tail: float = 0.6
    """endings have it after this"""
    block_head: float = 0.3
    """recaps have their middle before this share of an episode"""
    block_tail: float = 0.85
    """previews have it after this"""
    edge: float = 0.08
    """bumpers lie within this share of the head or the tail"""
    spread: float = 0.12
    """eyecatches and bumpers lie within this share of an episode around their usual place"""


RULES = Rules()


@dataclass(frozen=True)
class Segment:
    """A stretch of source `source` (index), in seconds of its clock."""

    source: int
    role: str
    start_s: float
    end_s: float
    confidence: float
    kind: str
    """how it was found: picture, sound, or both"""
    family: int
    """segments of one family show (or sound) the same; recaps and previews: the source they quote"""


def segments(tracks: Sequence[Track], rules: Rules = RULES, use_sound: bool = True) -> list[Segment]:
    """The segments of the episodes of one work, in order of source and time. The episodes' order is not needed."""
    found = matches(tracks, use_sound)
    return roles(tracks, found, rules)


def roles(tracks: Sequence[Track], found: Sequence[Match], rules: Rules = RULES) -> list[Segment]:
    """The same from matches that are known already."""
    release = releases(tracks, found)
    pictures = [m for m in found if m.kind == "picture" and release[m.a] != release[m.b]]
    sounds = [m for m in found if m.kind == "sound" and release[m.a] != release[m.b]]
    within = [m for m in found if m.kind == "picture" and m.a == m.b]
    families = _families(_chains(pictures, sounds, rules), release)
    given: list[Segment] = []
    for number, family in enumerate(families):
        role, confidence = _role(family, tracks, release, rules)
        if role:
            given += [Segment(p.source, role, p.start, p.end, confidence, "picture", number) for p in family]
    given = _disjoint(given)
    given += _by_sound(given, sounds, tracks, rules)
    given = _disjoint(given)
    given += _twice(given, within)
    # Previews first: a recap must not quote them, nor go on into a body that only a preview quotes.
    for role in ("preview", "recap"):
        given = _disjoint(given + _blocks(role, given, pictures, tracks, release, rules))
    given = [_kind(segment, sounds) for segment in given]
    timed = [replace(s, start_s=s.start_s * CELL_S, end_s=s.end_s * CELL_S) for s in given]
    return sorted(timed, key=lambda s: (s.source, s.start_s))


def releases(tracks: Sequence[Track], found: Sequence[Match]) -> list[int]:
    """For every source the first source that is the same episode, in whatever encoding."""
    same = Joined(len(tracks))
    covered: dict[tuple[int, int, int], int] = defaultdict(int)
    for m in found:
        if m.kind == "picture" and m.a != m.b:
            for place in (m.shift // 24, m.shift // 24 + 1):
                covered[m.a, m.b, place] += m.end - m.start
    for (a, b, _), n in covered.items():
        if n >= 0.6 * min(tracks[a].n_cells, tracks[b].n_cells):
            same.join(a, b)
    return same.roots()


@dataclass(frozen=True)
class _Place:
    """Cells of one source that other sources show too, and which others."""

    source: int
    start: int
    end: int
    partners: frozenset[int]


@dataclass(frozen=True)
class _Chain:
    """Matches of one pair in a row, its two spans, and the shift at its end."""

    a: int
    b: int
    span_a: tuple[int, int]
    span_b: tuple[int, int]
    shift: int
    length: int


def _chains(pictures: Sequence[Match], sounds: Sequence[Match], rules: Rules) -> list[_Chain]:
    """Matches of one pair, joined where an episode's own shots, or a re-timed second, stand between them."""
    groups: dict[tuple[int, int], list[Match]] = defaultdict(list)
    for m in pictures:
        groups[m.a, m.b].append(m)
    heard: dict[tuple[int, int], list[Match]] = defaultdict(list)
    for m in sounds:
        heard[m.a, m.b].append(m)
    chained = []
    for pair, group in groups.items():
        open_: list[_Chain] = []
        for m in sorted(group, key=lambda m: (m.start, m.shift)):
            link = _Chain(m.a, m.b, (m.start, m.end), (m.start + m.shift, m.end + m.shift), m.shift, m.end - m.start)
            at = next((i for i, c in enumerate(open_) if _goes_on(c, link, heard[pair], rules)), None)
            if at is None:
                open_.append(link)
            else:
                open_[at] = _linked(open_[at], link)
        chained += open_
    return chained


def _goes_on(chain: _Chain, link: _Chain, heard: Sequence[Match], rules: Rules) -> bool:
    """Whether a match continues a chain: what lies between is short on both sides, or the same sound."""
    gap_a, gap_b = link.span_a[0] - chain.span_a[1], link.span_b[0] - chain.span_b[1]
    moved = abs(link.shift - chain.shift)
    # Shots put in place of others are gaps on both sides; a gap on one side is a recap's, whose shots were cut short.
    if moved > _HELD_LONGER and (moved > rules.retimed_s / CELL_S or 2 * moved > min(gap_a, gap_b)):
        return False
    most = min(rules.bridge_s / CELL_S, chain.length + link.length)
    for sound in heard:
        shown = min(sound.end, link.span_a[0]) - max(sound.start, chain.span_a[1])
        if abs(sound.shift - chain.shift) <= _SAME_SHIFT and shown >= 0.8 * gap_a:
            most = 4 * rules.bridge_s / CELL_S
    return max(gap_a, gap_b) <= most


def _linked(chain: _Chain, link: _Chain) -> _Chain:
    span_a = chain.span_a[0], max(chain.span_a[1], link.span_a[1])
    span_b = min(chain.span_b[0], link.span_b[0]), max(chain.span_b[1], link.span_b[1])
    return _Chain(chain.a, chain.b, span_a, span_b, link.shift, chain.length + link.length)


def _alike(start: float, end: float, other_start: float, other_end: float) -> float:
    """Intersection over union of two spans."""
    both = min(end, other_end) - max(start, other_start)
    return max(0.0, both) / max(1e-9, max(end, other_end) - min(start, other_start))


def _families(chains: Sequence[_Chain], release: Sequence[int]) -> list[list[_Place]]:
    """Places of all sources that show one another, joined. A place's ends are what most of its partners say."""
    spans: dict[int, list[tuple[int, int, int]]] = defaultdict(list)  # (start, end, partner)
    for c in chains:
        spans[c.a].append((*c.span_a, c.b))
        spans[c.b].append((*c.span_b, c.a))
    places: list[_Place] = []
    for source, group in spans.items():
        clusters: list[list[tuple[int, int, int]]] = []
        for span in sorted(group, key=lambda s: (s[0] - s[1], s)):
            home = next((c for c in clusters if _alike(*span[:2], *c[0][:2]) >= 0.6), None)
            clusters.append([span]) if home is None else home.append(span)
        for cluster in clusters:
            start, end = median(s[0] for s in cluster), median(s[1] for s in cluster)
            places.append(_Place(source, round(start), round(end), frozenset(release[s[2]] for s in cluster)))
    by_source: dict[int, list[int]] = defaultdict(list)
    for i, place in enumerate(places):
        by_source[place.source].append(i)
    joined = Joined(len(places))
    for c in chains:
        ends = []
        for source, span in ((c.a, c.span_a), (c.b, c.span_b)):
            ends.append(max((_alike(*span, places[i].start, places[i].end), -i) for i in by_source[source]))
        if min(ends)[0] >= 0.6:
            joined.join(-ends[0][1], -ends[1][1])
    families: dict[int, list[_Place]] = defaultdict(list)
    for i, root in enumerate(joined.roots()):
        families[root].append(places[i])
    return list(families.values())


def _role(family: Sequence[_Place], tracks: Sequence[Track], release: Sequence[int], rules: Rules) -> tuple[str, float]:
    """The role of a family and how sure it is; "" where it has none."""
    n_all = len(set(release))
    n_here = len({release[p.source] for p in family})
    length_s = median(p.end - p.start for p in family) * CELL_S
    middles = [(p.start + p.end) / 2 / tracks[p.source].n_cells for p in family]
    middle = median(middles)
    settled = sum(abs(m - middle) <= rules.spread for m in middles) >= 0.75 * len(middles)
    supported = median(len(p.partners) for p in family) / max(1, n_here - 1)
    confidence = round(min(1.0, 0.5 + 0.5 * supported * min(1.0, n_here / max(2, 0.5 * n_all))), 3)
    if length_s >= rules.theme_s and n_here >= max(2, min(rules.theme_share * n_all, 2 + 0.1 * n_all)):
        if sum(m < rules.head for m in middles) >= 0.75 * len(middles):
            return "opening", confidence
        if sum(m > rules.tail for m in middles) >= 0.75 * len(middles):
            return "ending", confidence
    enough = max(3, min(rules.short_share * n_all, 4 + 0.25 * n_all))
    if settled and rules.least_s <= length_s < rules.theme_s and n_here >= enough:
        if middle < rules.edge or middle > 1 - rules.edge:
            return "bumper", confidence
        if 0.25 < middle < 0.75:
            return "eyecatch", confidence
    return "", 0.0


def _disjoint(given: Sequence[Segment]) -> list[Segment]:
    """Without segments that lie mostly within surer or longer ones."""
    kept: list[Segment] = []
    for s in sorted(given, key=lambda s: (s.start_s - s.end_s, -s.confidence, s.source, s.start_s)):
        if all(_shared(s, k) < 0.5 for k in kept if k.source == s.source):
            kept.append(s)
    return kept


def _shared(segment: Segment, other: Segment) -> float:
    """The share of a segment that lies within another one."""
    both = min(segment.end_s, other.end_s) - max(segment.start_s, other.start_s)
    return max(0.0, both) / max(1e-9, segment.end_s - segment.start_s)


def _by_sound(
    given: Sequence[Segment], sounds: Sequence[Match], tracks: Sequence[Track], rules: Rules
) -> list[Segment]:
    """Themes of episodes that have other pictures to the same song, where the theme is due.

    A song heard where the same episode shows the theme anyway is an insert song; so is one that is heard elsewhere.
    """
    added: list[Segment] = []
    themes = [s for s in given if s.role in ("opening", "ending")]
    for m in [*sounds, *(m.turned() for m in sounds)]:
        for theme in themes:
            if m.a != theme.source or any(s.source == m.b and s.role == theme.role for s in [*given, *added]):
                continue
            start, end = max(m.start, theme.start_s), min(m.end, theme.end_s)
            if end - start < 0.8 * (theme.end_s - theme.start_s):
                continue
            # The picture's ends are exact, the sound's are not; but a version may be shorter than the others.
            start, end = (
                due if abs(due - heard) <= _SOUND_EDGE else heard
                for due, heard in ((theme.start_s, start), (theme.end_s, end))
            )
            start, end = start + m.shift, end + m.shift
            middle = (start + end) / 2 / tracks[m.b].n_cells
            fits = middle < rules.head if theme.role == "opening" else middle > rules.tail
            if fits:
                added.append(replace(theme, source=m.b, start_s=max(0, start), end_s=end, kind="sound"))
    return added


def _twice(given: Sequence[Segment], within: Sequence[Match]) -> list[Segment]:
    """Eyecatches shown a second time in the same episode."""
    added = []
    for m in [*within, *(m.turned() for m in within)]:
        for s in given:
            if s.role == "eyecatch" and s.source == m.a and _alike(s.start_s, s.end_s, m.start, m.end) >= 0.7:
                added.append(replace(s, start_s=s.start_s + m.shift, end_s=s.end_s + m.shift))
    return added


def _blocks(
    role: str,
    given: Sequence[Segment],
    pictures: Sequence[Match],
    tracks: Sequence[Track],
    release: Sequence[int],
    rules: Rules,
) -> list[Segment]:
    """Recaps or previews: unbroken rows of pieces of one other episode, which shows them with more in between."""
    pieces: dict[tuple[int, int], list[Match]] = defaultdict(list)
    taken: dict[int, list[Segment]] = defaultdict(list)
    for s in given:
        taken[s.source].append(s)
    for m in [*pictures, *(m.turned() for m in pictures)]:
        here = Segment(m.a, "", m.start, m.end, 0, "", 0)
        there = Segment(m.b, "", m.start + m.shift, m.end + m.shift, 0, "", 0)
        if all(_shared(here, s) < 0.5 for s in taken[m.a]) and all(_shared(there, s) < 0.5 for s in taken[m.b]):
            pieces[m.a, m.b].append(m)
    found = []
    for (source, other), group in pieces.items():
        for block in _rows(sorted(group, key=lambda m: (m.start, m.end)), rules):
            start, end = min(m.start for m in block), max(m.end for m in block)
            cover = _covered([(m.start, m.end) for m in block])
            origin = [(m.start + m.shift, m.end + m.shift) for m in block]
            spread = _covered(origin) / max(1, max(e for _, e in origin) - min(s for s, _ in origin))
            shifts = {m.shift // 12 for m in block}
            solid = cover / max(1, end - start)
            if len(shifts) < 2 or (end - start) * CELL_S < rules.block_s or solid < max(rules.block_cover, spread):
                continue
            middle = (start + end) / 2 / tracks[source].n_cells
            if middle < rules.block_head if role == "recap" else middle > rules.block_tail:
                found.append(Segment(source, role, start, end, round(solid, 3), "picture", release[other]))
    best: dict[int, Segment] = {}
    for s in found:
        known = best.get(s.source)
        if known is None or (s.end_s - s.start_s) * s.confidence > (known.end_s - known.start_s) * known.confidence:
            best[s.source] = s
    return list(best.values())


def _rows(pieces: Sequence[Match], rules: Rules) -> list[list[Match]]:
    """Pieces in rows, without a gap longer than rules.block_gap_s between them."""
    rows: list[list[Match]] = []
    end = -1e9
    for piece in pieces:
        if piece.start - end > rules.block_gap_s / CELL_S:
            rows.append([])
            end = piece.end
        rows[-1].append(piece)
        end = max(end, piece.end)
    return rows


def _covered(spans: Sequence[tuple[int, int]]) -> int:
    """Cells that any of the spans covers."""
    total, at = 0, -(10**9)
    for start, end in sorted(spans):
        total += max(0, end - max(start, at))
        at = max(at, end)
    return total


def _kind(segment: Segment, sounds: Sequence[Match]) -> Segment:
    """Whether the sound agrees with a segment that was found by its pictures."""
    if segment.kind != "picture":
        return segment
    for m in sounds:
        for source, start, end in ((m.a, m.start, m.end), (m.b, m.start + m.shift, m.end + m.shift)):
            heard = replace(segment, start_s=start, end_s=end)
            if source == segment.source and _shared(segment, heard) >= 0.6:
                return replace(segment, kind="both")
    return segment
