"""`indexsite run`: one installer, one proxy, one environment; the installer's exit code, and nothing left running."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from indexsite_client.credentials import token_from_environment
from indexsite_client.environment import installer_environment
from indexsite_client.errors import UsageError
from indexsite_client.fetcher import Downloads
from indexsite_client.installers import Installer
from indexsite_client.proxy import VerifyingProxy
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex, cache_folder

_PATIENCE = 10.0  # seconds that an installer has to end after a signal
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


def run_verified(index: TrustedIndex, installer: Installer, *, environment: Mapping[str, str], say: Say) -> int:
    """Run the installer behind a verifying proxy; returns its exit code, or 1 if it succeeded over a refusal."""
    downloads = Downloads(token=index.token(token_from_environment(environment)))
    session = VerifiedSession(index, downloads, cache=cache_folder())
    try:
        session.refresh()
        with VerifyingProxy(session) as proxy:
            child_environment = installer_environment(environment, index_url=proxy.index_url, proxy_url=proxy.url)
            code = supervise(installer.command, child_environment)
            refusals = proxy.refusals.sentences()
    finally:
        session.close()
        downloads.close()
    for sentence in refusals:
        say(f"refused: {sentence}")
    if refusals and code == 0:
        say(f"{installer.command[0]} reports success, but the above was refused, so this run counts as failed.")
        return 1
    return code


def run_unverified(index: TrustedIndex, installer: Installer, *, environment: Mapping[str, str], say: Say) -> int:
    """Run the installer straight at the index, without TUF; other sources stay removed."""
    say("WARNING: package verification is DISABLED for this run.")
    say(f"WARNING: whoever controls {index.url}, or the network on the way, decides what gets installed.")
    child_environment = installer_environment(environment, index_url=index.simple_url, proxy_url=None)
    return supervise(installer.command, child_environment)


def supervise(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a child to its end, hand signals on to it, and leave none of its descendants in its process group.

    At a terminal the child shares our group, so that it may ask questions and gets Ctrl-C; else it leads one.
    """
    own_group = not sys.stdin.isatty()
    try:
        child = subprocess.Popen(command, env=dict(environment), process_group=0 if own_group else None)
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be started: {error.strerror}.") from error

    def send(number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number) if own_group else child.send_signal(number)

    with _handing_on(child, send, at_terminal=not own_group) as received:
        try:
            code = _wait(child, received)
        finally:
            if own_group:
                send(signal.SIGKILL)
            elif child.poll() is None:
                child.kill()
            child.wait()
    return code if code >= 0 else 128 - code


def _wait(child: "subprocess.Popen[bytes]", received: list[int]) -> int:
    """Wait for the child; after a signal only for so long. In a thread: a wait with a limit would look in turns."""
    waiter = threading.Thread(target=child.wait, daemon=True)
    waiter.start()
    while waiter.is_alive():
        waiter.join(_PATIENCE)
        if waiter.is_alive() and received:
            return -received[0]
    return child.wait()


@contextmanager
def _handing_on(
    child: "subprocess.Popen[bytes]", send: Callable[[int], None], *, at_terminal: bool
) -> Iterator[list[int]]:
    """While inside, signals to us go to the child; yields the list of those received."""
    received: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if number == signal.SIGINT and at_terminal:
            return  # the terminal has sent it to the child already
        if child.returncode is None:
            send(signal.SIGKILL if len(received) > 2 else number)

    previous = {number: signal.signal(number, hand_on) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
