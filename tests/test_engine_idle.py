"""An engine that has nothing to do takes next to nothing."""

from __future__ import annotations

from benchmarks.runs import idle
from tests.engine_fixture import RunningEngine


def test_an_idle_engine(engine: RunningEngine) -> None:
    """What is left of a job, some hundred MB here, is removed before: that is work."""
    engine.run("head -c 200000000 /dev/zero > large; truncate -s 200M sparse")
    shares = idle(engine.root, 8)
    assert set(shares) == {"supervisor", "broker", "workers", "gateway", "others"}
    assert sum(shares.values()) < 0.5, shares
