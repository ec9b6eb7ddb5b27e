"""`make demo`: the whole road once, small but real at every step, and a page that shows it."""
