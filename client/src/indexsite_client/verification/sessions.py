"""One verified session for the length of a command."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from indexsite_client.credentials import token_from_environment
from indexsite_client.fetcher import Downloads
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex, cache_folder


@contextmanager
def asking(index: TrustedIndex, environment: Mapping[str, str]) -> Iterator[VerifiedSession]:
    """A session that is refreshed already; raises ClientError where the index cannot be trusted."""
    downloads = Downloads(token=index.token(token_from_environment(environment)))
    session = VerifiedSession(index, downloads, cache=cache_folder())
    try:
        session.refresh()
        yield session
    finally:
        session.close()
        downloads.close()
