"""Token buckets: bursts, refilling, names apart, and forgetting what does not matter."""

from animatrix_reward.room import limits
from animatrix_reward.room.limits import Buckets


class Clock:
    """A clock that is told the time."""

    now = 100.0

    def __call__(self):
        return self.now


def test_a_burst_then_evenly():
    clock = Clock()
    buckets = Buckets(per_s=2, burst=3, clock=clock)
    assert [buckets.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert buckets.wait_s("a") == 0 and buckets.wait_s("a") == 0.5
    assert buckets.wait_s("b") == 0  # another name has its own
    clock.now += 1000
    assert [buckets.wait_s("a") for _ in range(4)].count(0) == 3  # no more than the burst, however long it was


def test_full_buckets_are_forgotten_and_empty_ones_are_not(monkeypatch):
    monkeypatch.setattr(limits, "_FORGET_AT", 10)
    clock = Clock()
    buckets = Buckets(per_s=1, burst=2, clock=clock)
    for number in range(10):
        buckets.wait_s(f"old-{number}")
    clock.now += 10
    assert buckets.wait_s("busy") == buckets.wait_s("busy") == 0
    buckets.wait_s("new")
    assert len(buckets._by_name) <= 3
    assert buckets.wait_s("busy") > 0
