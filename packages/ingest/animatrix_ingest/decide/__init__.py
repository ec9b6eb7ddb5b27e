"""Decisions that need no pixels: where clips begin and end, what is dropped and for which reason."""
