"""Who may read a private index: answers kept for a few seconds, so that reading costs no query a request."""

import contextlib
import logging
import queue
import threading
from http.cookies import CookieError, SimpleCookie

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.callers import Caller, identify_caller, note_use
from accounts.errors import AccessError
from accounts.models import User
from accounts.recent import RecentAnswers

KEPT_SECONDS = 5.0  # the longest that a revoked token still reads
_MAX_COOKIE = 8192
log = logging.getLogger(__name__)


class ReadAccess:
    """Decides whether credentials may read. One for a process; safe for many threads."""

    def __init__(self) -> None:
        self._answers = RecentAnswers[bool](seconds=KEPT_SECONDS)

    def allows(self, authorization: str, cookie: str) -> bool:
        """Whether a token (Authorization header) or a signed-in session (Cookie header) may read."""
        if not authorization and settings.SESSION_COOKIE_NAME not in cookie:
            return False
        return self._answers.get(f"{authorization}\n{cookie}", lambda: _ask(authorization, cookie))


class _Uses:
    """Writes down tokens' uses in a thread of its own: no reader waits for a database that is busy writing."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Caller] = queue.Queue(maxsize=1000)
        self._started = threading.Lock()

    def note(self, caller: Caller) -> None:
        """Write it down soon; where too many wait, not at all."""
        if self._started.acquire(blocking=False):  # by the first one, for good
            threading.Thread(target=self._write, name="token-uses", daemon=True).start()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(caller)

    def _write(self) -> None:
        while True:
            caller = self._queue.get()
            close_old_connections()
            try:
                note_use(caller, now=timezone.now())
            except (DatabaseError, InterfaceError) as error:
                log.warning("The use of a token could not be noted: %s", error)
            finally:
                close_old_connections()


_uses = _Uses()


def _ask(authorization: str, cookie: str) -> bool:
    """Ask the database, on a connection that is fit for it: the read layer stands outside Django's requests."""
    close_old_connections()
    try:
        if authorization:
            caller = identify_caller(authorization, now=timezone.now())
            if caller.last_use_is_stale:
                _uses.note(caller)
            return True
        return _session_is_valid(cookie)
    except AccessError:
        return False
    finally:
        close_old_connections()


def _session_is_valid(cookie: str) -> bool:
    try:
        morsel = SimpleCookie(cookie[:_MAX_COOKIE]).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if morsel is None:
        return False
    session = SessionStore(session_key=morsel.value)
    user_id, backend = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)
    if not user_id or backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user is not None and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
