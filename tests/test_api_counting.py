"""How often one may ask `/api/v1/` on several machines: counted by all of them together, and not without Redis."""

import time
from pathlib import Path

from tests.conftest import scaled_index
from tests.running import eventually
from tests.scaled import ScaledIndex, Servers

LIMIT = 5


def test_processes_count_together_and_nobody_without_their_cache(servers: Servers, tmp_path: Path) -> None:
    with scaled_index(servers, tmp_path, INDEXSITE_API_REQUESTS_PER_ADDRESS=str(LIMIT)) as index:
        began = int(time.time()) // 60
        statuses = [ask(index, number) for number in range(4 * LIMIT)]
        turns = int(time.time()) // 60 - began
        assert LIMIT <= statuses.count(200) <= LIMIT * (1 + turns)
        assert set(statuses) == {200, 429}
        servers.redis.stop()
        try:
            assert {ask(index, number) for number in range(2 * LIMIT)} == {200}
        finally:
            servers.redis.start()
        eventually(lambda: ask(index, 0) in {200, 429}, what="an answer")


def ask(index: ScaledIndex, number: int) -> int:
    """At one machine after the other."""
    return index.at(index.ports[number % len(index.ports)]).get("/api/v1/projects/").status
