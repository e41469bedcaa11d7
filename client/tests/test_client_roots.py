"""How many roots after the pinned one our client follows, and what it says of more."""

import pytest

from client.tests.index_simulator import IndexSimulator
from indexsite_client import protocol
from indexsite_client.documents import MOST_ROOTS
from indexsite_client.errors import VerificationError
from indexsite_client.session import VerifiedSession

LIB = protocol.normalize_name("demo-lib")


def test_256_new_roots_are_followed_and_one_more_is_refused_in_words(
    session: VerifiedSession, simulator: IndexSimulator
) -> None:
    for _ in range(MOST_ROOTS):
        simulator.publish_another_root()
    simulator.publish()
    assert session.page(LIB).project == LIB
    session.close()
    simulator.publish_another_root()
    simulator.publish()
    for _ in range(2):  # nothing that was read is remembered
        with pytest.raises(VerificationError, match="more than 256 roots since the one that is pinned") as caught:
            session.refresh()
        assert "--replace" in str(caught.value)
