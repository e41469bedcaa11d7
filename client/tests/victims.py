"""An index with something to steal, the clients that use it, and what a thief would have them take."""

from collections.abc import Callable
from datetime import datetime

from client.tests.distributions import wheel
from client.tests.index_simulator import Blob, IndexSimulator
from client.tests.thief import Thief
from client.tests.tuf_clients import RefusedError, VerifyingClient
from indexsite_client import protocol

LIB, APP = protocol.normalize_name("demo-lib"), protocol.normalize_name("demo-app")
WHEEL, NEXT = "demo_lib-1.1-py3-none-any.whl", "demo_lib-1.2-py3-none-any.whl"
EVIL = wheel("demo-lib", "1.1", says="evil")
NewClient = Callable[[], VerifyingClient]


def demo_index(now: datetime | None = None) -> IndexSimulator:
    """Two projects in bins: demo-app needs demo-lib."""
    index = IndexSimulator(now=now) if now else IndexSimulator()
    index.add_project(LIB, [wheel("demo-lib", "1.0"), wheel("demo-lib", "1.1")])
    index.add_project(APP, [wheel("demo-app", "2.0", requires=("demo-lib",))])
    index.publish()
    return index


def both_kinds(new_client: NewClient) -> dict[str, VerifyingClient]:
    """One that has installed from the index before, and one that knows the first root alone."""
    returning = new_client()
    assert returning.file(LIB, WHEEL) == wheel("demo-lib", "1.1").data
    return {"returning": returning, "new": new_client()}


def installs(client: VerifyingClient, blob: Blob) -> bool:
    """Whether a client takes these very bytes; that it takes others instead is no success of a thief."""
    try:
        return client.file(LIB, blob.entry.filename) == blob.data
    except RefusedError:
        return False


def shows(client: VerifyingClient, filename: str) -> bool:
    try:
        return filename in {file.filename for file in client.page(LIB).files}
    except RefusedError:
        return False


def replace_the_wheel(thief: Thief) -> None:
    thief.forge_targets()
    thief.forged.add_project("demo-lib", [wheel("demo-lib", "1.0"), EVIL])
