"""What needs PostgreSQL, Chromium or minutes of load runs under `make test-room`; elsewhere it is listed as skipped."""

import pytest


def pytest_collection_modifyitems(config, items):
    if "room" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("room"):
                item.add_marker(pytest.mark.skip(reason="needs PostgreSQL, a browser or minutes: make test-room"))
