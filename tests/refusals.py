"""What a refused upload must look like: its status, its words, and nothing left behind."""

from tests.running import Reply, RunningIndex


def stored_files(index: RunningIndex) -> set[str]:
    """Everything in the blob store once all is published: a refusal must not add to it."""
    index.wait_until_settled()
    return index.stored_blobs()


def assert_refused(index: RunningIndex, reply: Reply, status: int, words: str, before: set[str]) -> None:
    assert reply.status == status, reply.text
    assert words in reply.text.splitlines()[0], reply.text
    assert stored_files(index) == before
