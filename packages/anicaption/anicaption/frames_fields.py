"""Interlaced pictures: which field is first, and, for video that was shot in fields, whole frames made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import av.error
import av.filter
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from anicaption.frames_picture import Frame


class Scan:
    """Tells which field of an interlaced picture comes first, and takes the flag off it.

    PyAV does not say the order; a filter that selects by it does. The flag goes since the scaler would else scale the
    two fields each for itself, and most flagged pictures of film are whole.
    """

    def __init__(self) -> None:
        self._of: tuple[int, int, str] | None = None
        self._top = self._whole = av.filter.Graph()

    def __call__(self, picture: VideoFrame) -> tuple[bool, VideoFrame]:
        """(top field first, the picture without its flag). The numbers are not copied."""
        of = (picture.width, picture.height, picture.format.name)
        if of != self._of:
            self._of = of
            self._top = _graph(*of, ("select", "eq(interlace_type,TOPFIRST)"))
            self._whole = _graph(*of, ("setfield", "prog"))
        pts, time_base = picture.pts, picture.time_base
        self._top.vpush(picture)
        try:
            self._top.vpull()
            top_first = True
        except av.error.BlockingIOError:
            top_first = False
        self._whole.vpush(picture)
        whole = self._whole.vpull()
        whole.pts, whole.time_base = pts, time_base
        return top_first, whole


def deinterlaced(shot: Iterable[Frame], *, per_field: bool = False) -> Iterator[Frame]:
    """Whole frames from frames whose two fields are two moments (bwdif), one per frame, or one per field.

    One per frame keeps index, pts and time base. One per field doubles the frames: the time base is halved, so that
    the second field's pts, half way to the next frame, is a whole number too. Frames must be of one size and format;
    all of them are treated, whether flagged or not, in the field order of their flags (top first where unflagged).
    """
    waiting: deque[Frame] = deque()
    graph, order = None, None
    n_made = 0
    for frame in shot:
        first = "tff" if frame.top_field_first or not frame.interlaced else "bff"
        if graph is None or first != order:
            if graph is not None:
                yield from (made := list(_flushed(graph, waiting, per_field, n_made)))
                n_made += len(made)
            picture, order = frame._picture, first
            mode = "send_field" if per_field else "send_frame"
            graph = _graph(
                picture.width, picture.height, picture.format.name, ("bwdif", f"mode={mode}:parity={first}:deint=all")
            )
        waiting.append(frame)
        frame._picture.pts = frame.pts  # a woven picture has none of its own
        graph.vpush(frame._picture)
        for frame_made in _pulled(graph, waiting, per_field, n_made):
            n_made += 1
            yield frame_made
    if graph is not None:
        yield from _flushed(graph, waiting, per_field, n_made)


def _flushed(graph: av.filter.Graph, waiting: deque[Frame], per_field: bool, n_made: int) -> Iterator[Frame]:
    graph.vpush(None)
    yield from _pulled(graph, waiting, per_field, n_made)


def _pulled(graph: av.filter.Graph, waiting: deque[Frame], per_field: bool, n_made: int) -> Iterator[Frame]:
    """What the filter has ready, in the place in time of the frames that wait for it."""
    while True:
        try:
            picture = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        of = waiting[0]
        made = replace(of, _picture=picture, _cache={}, interlaced=False, top_field_first=False)
        if not per_field:
            waiting.popleft()
            yield made
            continue
        yield replace(made, index=n_made, pts=int(picture.pts or 0), time_base=of.time_base / 2, duration=None)
        n_made += 1
        if n_made % 2 == 0:
            waiting.popleft()


def _graph(width_px: int, height_px: int, pix_fmt: str, step: tuple[str, str]) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    begin = graph.add_buffer(width=width_px, height=height_px, format=VideoFormat(pix_fmt), time_base=Fraction(1, 1000))
    graph.link_nodes(begin, graph.add(*step), graph.add("buffersink"))
    graph.configure()
    return graph
