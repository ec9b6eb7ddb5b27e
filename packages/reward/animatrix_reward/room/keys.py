"""Everything a key can do, with the key it has until somebody binds another. Pages, help and browser read this table.

A key is an `event.code`, the place on the keyboard and not what is printed there, so that it is the same on every
layout; Ctrl, Alt, Shift and Meta stand before it in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

PLAYER, TASK, COMPARE, RATE, DEFORM, BOX = "player", "task", "compare", "rate", "deform", "box"


@dataclass(frozen=True)
class Action:
    """`words.py` has its name under `key.<id>`. The same key may do two things in two scopes that never meet."""

    id: str
    key: str
    scope: str


ACTIONS = (
    Action("play", "Space", PLAYER),
    Action("frame.next", "ArrowRight", PLAYER),
    Action("frame.back", "ArrowLeft", PLAYER),
    Action("drawing.next", "ArrowDown", PLAYER),
    Action("drawing.back", "ArrowUp", PLAYER),
    Action("frame.next10", "Shift+ArrowRight", PLAYER),
    Action("frame.back10", "Shift+ArrowLeft", PLAYER),
    Action("go.start", "Home", PLAYER),
    Action("go.end", "End", PLAYER),
    Action("loop", "KeyL", PLAYER),
    Action("span.in", "KeyI", PLAYER),
    Action("span.out", "KeyO", PLAYER),
    Action("span.clear", "KeyU", PLAYER),
    Action("speed.quarter", "KeyZ", PLAYER),
    Action("speed.half", "KeyX", PLAYER),
    Action("speed.full", "KeyC", PLAYER),
    Action("flip", "KeyF", PLAYER),
    Action("side", "KeyS", PLAYER),
    Action("difference", "KeyD", PLAYER),
    Action("gain", "Shift+KeyD", PLAYER),
    Action("onion.before", "KeyQ", PLAYER),
    Action("onion.after", "KeyW", PLAYER),
    Action("onion.off", "KeyE", PLAYER),
    Action("zoom.in", "Equal", PLAYER),
    Action("zoom.out", "Minus", PLAYER),
    Action("zoom.fit", "Digit0", PLAYER),
    Action("pan.left", "Alt+ArrowLeft", PLAYER),
    Action("pan.right", "Alt+ArrowRight", PLAYER),
    Action("pan.up", "Alt+ArrowUp", PLAYER),
    Action("pan.down", "Alt+ArrowDown", PLAYER),
    Action("consent", "KeyY", PLAYER),
    Action("send", "Enter", TASK),
    Action("undo", "Backspace", TASK),
    Action("skip", "Shift+Escape", TASK),
    Action("keys", "Shift+Slash", TASK),
    Action("compare.left", "Digit1", COMPARE),
    Action("compare.right", "Digit2", COMPARE),
    Action("compare.equal_good", "Digit3", COMPARE),
    Action("compare.equal_bad", "Digit4", COMPARE),
    Action("compare.cannot_judge", "Digit5", COMPARE),
    Action("row.next", "KeyJ", COMPARE),
    Action("row.back", "KeyK", COMPARE),
    Action("score.1", "Digit1", RATE),
    Action("score.2", "Digit2", RATE),
    Action("score.3", "Digit3", RATE),
    Action("score.4", "Digit4", RATE),
    Action("score.5", "Digit5", RATE),
    Action("row.next", "KeyJ", RATE),
    Action("row.back", "KeyK", RATE),
    Action("mark", "KeyM", DEFORM),
    Action("mark.drop", "Delete", DEFORM),
    Action("mark.start", "BracketLeft", DEFORM),
    Action("mark.end", "BracketRight", DEFORM),
    Action("mark.next", "KeyJ", DEFORM),
    Action("mark.back", "KeyK", DEFORM),
    Action("kind.next", "Period", DEFORM),
    Action("kind.back", "Comma", DEFORM),
    Action("verdict.intentional", "KeyA", DEFORM),
    Action("verdict.failure", "KeyV", DEFORM),
    Action("verdict.unsure", "KeyB", DEFORM),
    Action("severity.1", "Digit1", DEFORM),
    Action("severity.2", "Digit2", DEFORM),
    Action("severity.3", "Digit3", DEFORM),
    Action("severity.4", "Digit4", DEFORM),
    Action("severity.5", "Digit5", DEFORM),
    Action("cue.1", "Shift+Digit1", DEFORM),
    Action("cue.2", "Shift+Digit2", DEFORM),
    Action("cue.3", "Shift+Digit3", DEFORM),
    Action("cue.4", "Shift+Digit4", DEFORM),
    Action("cue.5", "Shift+Digit5", DEFORM),
    Action("cue.6", "Shift+Digit6", DEFORM),
    Action("cue.7", "Shift+Digit7", DEFORM),
    Action("box", "KeyR", DEFORM),
    Action("none", "KeyN", DEFORM),
    Action("box.left", "ArrowLeft", BOX),
    Action("box.right", "ArrowRight", BOX),
    Action("box.up", "ArrowUp", BOX),
    Action("box.down", "ArrowDown", BOX),
    Action("box.wider", "Shift+ArrowRight", BOX),
    Action("box.narrower", "Shift+ArrowLeft", BOX),
    Action("box.higher", "Shift+ArrowDown", BOX),
    Action("box.lower", "Shift+ArrowUp", BOX),
    Action("box.done", "Enter", BOX),
)


def table() -> list[dict[str, str]]:
    """All actions, as JSON holds them."""
    return [{"id": action.id, "key": action.key, "scope": action.scope} for action in ACTIONS]
