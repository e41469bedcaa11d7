"""A person at a browser without scripts: cookies kept, forms posted with their CSRF token."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from tests.running import RunningIndex


@dataclass(frozen=True)
class Seen:
    """What the browser shows in the end, after redirects."""

    status: int
    url: str
    html: str
    headers: dict[str, str]


@dataclass
class Browser:
    """One person's browser at one index."""

    index: RunningIndex
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def get(self, path: str) -> Seen:
        """Follow a link."""
        return self._open(urllib.request.Request(self.index.url + path, headers={"Accept": "text/html"}))

    def post(self, path: str, fields: dict[str, str]) -> Seen:
        """Send a form; some page with a form must have been seen before."""
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": self.cookie("csrftoken"), **fields}).encode()
        headers = {"Accept": "text/html", "Referer": self.index.url + path}
        return self._open(urllib.request.Request(self.index.url + path, data=body, headers=headers))

    def sign_in(self, username: str = "admin", password: str = "", *, then: str = "/") -> Seen:
        """Sign in at the form; the first user's password is the one of `first-sign-in`."""
        self.get(f"/account/login/?next={urllib.parse.quote(then)}")
        fields = {"login": username, "password": password or first_password(self.index), "next": then}
        return self.post("/account/login/", fields)

    def cookie(self, name: str) -> str:
        """The value of a cookie, empty where there is none."""
        return next((cookie.value or "" for cookie in self.jar if cookie.name == name), "")

    def _open(self, request: urllib.request.Request) -> Seen:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )
        try:
            with opener.open(request, timeout=60) as answer:
                return Seen(
                    answer.status,
                    answer.url,
                    answer.read().decode(),
                    {name.lower(): value for name, value in answer.headers.items()},
                )
        except urllib.error.HTTPError as error:
            with error:
                headers = {name.lower(): value for name, value in error.headers.items()}
                return Seen(error.code, error.url or "", error.read().decode(), headers)


def first_password(index: RunningIndex) -> str:
    """The first user's password, from the file that the first start wrote."""
    return (index.data / "first-sign-in").read_text().split()[-1]
