"""One thread for everything here, and which tests stay together where workers share the suite (`make test`)."""

import os

import pytest

# Before anything is imported: models this small are slower on two threads, and so is a core that two workers share.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file goes to one worker, which makes its fixtures once; so do all files that need Ray, of which there is one.

    Ray's tests begin first: they wait more than they work, and nothing else takes so long.
    """
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))
        elif not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
    items.sort(key=lambda item: not item.get_closest_marker("ray"))
