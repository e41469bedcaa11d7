"""Negotiation, tokens, settings, the pace of bodies: rules over values."""

import io
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.recent import RecentAnswers
from accounts.tokens import LENGTH, is_token_text, token_text
from indexsite.environment import SECRETS, SettingError, read_environment, secret_variables
from indexsite.reading.answers import matches
from indexsite.reading.cache import ByteLimitedCache, ReadyValues
from indexsite.reading.negotiation import accepts_gzip, negotiate_form
from indexsite_client.protocol import parse_distribution_filename
from packages.distributions import read_distribution
from packages.errors import BodyTooSlowError, MetadataFaultyError
from packages.metadata import read_core_metadata
from packages.receiving import MIN_RATE, PacedBody
from tests.distributions import metadata, wheel


@given(st.binary(min_size=32, max_size=32))
def test_a_token_is_recognised_and_any_typing_error_is_not(random_bytes: bytes) -> None:
    text = token_text(random_bytes)
    assert len(text) == LENGTH
    assert is_token_text(text)
    position = random.Random(random_bytes).randrange(LENGTH)
    assert not is_token_text(text[:position] + ("a" if text[position] != "a" else "b") + text[position + 1 :])
    assert not is_token_text(text[:-1])


@given(st.text(max_size=100))
def test_negotiation_survives_any_header(header: str) -> None:
    negotiate_form(header)
    accepts_gzip(header)
    matches(header, '"etag"')


@pytest.mark.parametrize(
    ("condition", "answer"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False)],
)
def test_if_none_match_compares_weakly(condition: str, answer: bool) -> None:
    assert matches(condition, '"a"') is answer


# --- settings ---


def test_settings_are_read_and_secrets_named() -> None:
    read = read_environment({"INDEXSITE_PRIVATE": "1", "INDEXSITE_BINS": "16", "HOME": "/"})
    assert (read.private, read.bins) == (True, 16)
    variables = ["INDEXSITE_SECRET_KEY", "INDEXSITE_DATA", "SECRET_KEY", "INDEXSITE_DATABASE_URL"]
    assert secret_variables(dict.fromkeys(variables, "x")) == ["INDEXSITE_SECRET_KEY", "INDEXSITE_DATABASE_URL"]


def test_a_setting_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    read = read_environment({"INDEXSITE_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert read.secret_key.get_secret_value() == "from a file"
    assert read.secrets_for_parts() == {"INDEXSITE_SECRET_KEY": "from a file"}


NONSENSE = [
    ({"INDEXSITE_PRIVAT": "1"}, "INDEXSITE_PRIVAT is not a setting"),
    ({"INDEXSITE_PRIVATE": "perhaps"}, "INDEXSITE_PRIVATE"),
    ({"INDEXSITE_BINS": "100"}, "INDEXSITE_BINS"),
    ({"INDEXSITE_BASE_URL": "packages.example"}, "INDEXSITE_BASE_URL: give the address"),
    ({"INDEXSITE_UPLOAD_LIMIT": "-1"}, "INDEXSITE_UPLOAD_LIMIT"),
    ({"INDEXSITE_SECRET_KEY_FILE": "/does/not/exist"}, "INDEXSITE_SECRET_KEY_FILE names a file"),
    ({"INDEXSITE_STORAGE_URL": "s3://bucket"}, "INDEXSITE_STORAGE_URL: name the bucket"),
    ({"INDEXSITE_STORAGE_URL": "ftp://host/"}, "INDEXSITE_STORAGE_URL: give file:///"),
    ({"INDEXSITE_BROKER_URL": "amqp://host"}, "INDEXSITE_BROKER_URL: give redis://"),
    ({"INDEXSITE_DOWNLOADS": "redirect"}, "^INDEXSITE_DOWNLOADS: redirect needs an object store"),
    ({"INDEXSITE_DATABASE_CONNECTIONS": "1"}, "INDEXSITE_DATABASE_CONNECTIONS"),
]


@pytest.mark.parametrize(("variables", "words"), NONSENSE)
def test_nonsense_is_refused_by_name(variables: dict[str, str], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        read_environment(variables)


def test_a_refused_secret_is_not_repeated() -> None:
    of_any_form = {name for name in SECRETS if name.startswith("online_key")} | {"secret_key", "database_url"}
    for name in SECRETS - of_any_form:
        with pytest.raises(SettingError) as caught:
            read_environment({f"INDEXSITE_{name.upper()}": "hunter2"})
        assert "hunter2" not in str(caught.value)


# --- pace ---


class Clock:
    """Time that passes as the body says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowBody(io.BytesIO):
    """A body of which each byte takes a time."""

    def __init__(self, clock: Clock, rate: float) -> None:
        super().__init__(b"x" * 10_000_000)
        self.clock, self.rate = clock, rate

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.clock.now += len(data) / self.rate
        return data


def test_a_slow_body_is_given_up_soon_after_the_grace() -> None:
    clock = Clock()
    body = PacedBody(SlowBody(clock, rate=MIN_RATE / 10), clock=clock)
    with pytest.raises(BodyTooSlowError):
        list(iter(body.read, b""))
    assert clock.now < 15


def test_a_body_at_an_honest_rate_is_read_to_its_end() -> None:
    clock = Clock()
    body = PacedBody(SlowBody(clock, rate=MIN_RATE * 2), clock=clock)
    assert sum(map(len, iter(body.read, b""))) == 10_000_000


# --- metadata ---


def header_lines(count: int) -> bytes:
    return b"Metadata-Version: 2.1\nName: many\nVersion: 1.0\n" + b"".join(b"X-%d: y\n" % n for n in range(count))


@pytest.mark.parametrize("content", [header_lines(5000), header_lines(0) + b"Classifier: x\n" * 20_000])
def test_metadata_with_more_headers_than_anybody_needs_is_refused_unparsed(content: bytes) -> None:
    with pytest.raises(MetadataFaultyError, match="more headers"):
        read_core_metadata(content, parse_distribution_filename("many-1.0.tar.gz"))


def test_a_version_of_five_thousand_digits_is_refused() -> None:
    members = {"long-1.0.dist-info/METADATA": metadata("long", "9" * 5000).encode()}
    filename, content = wheel("long", "1.0", members=members)
    with pytest.raises(MetadataFaultyError, match="but the metadata in it says"):
        read_distribution(parse_distribution_filename(filename), io.BytesIO(content))


def test_an_emoji_in_a_summary_is_welcome() -> None:
    text = metadata("emoji", "1.0").replace("A test of emoji.", "A test of \U0001f469\u200d\U0001f4bb\u00a0code.")
    named = parse_distribution_filename("emoji-1.0.tar.gz")
    assert "\u200d" in read_core_metadata(text.encode(), named).summary


# --- cache ---


def test_the_cache_stays_within_its_bytes_and_keeps_what_is_used() -> None:
    cache, made = ByteLimitedCache(1000), list[int]()

    def get(key: int) -> None:
        cache.get(key, lambda: made.append(key), lambda _: 100)

    for key in range(10):
        get(key)
    get(0)
    get(99)  # drives out 1, not 0
    made.clear()
    get(0)
    get(1)
    assert made == [1]


@pytest.mark.parametrize("cost", [251, None])
def test_what_is_too_large_or_missing_is_not_kept(cost: int | None) -> None:
    cache, made = ByteLimitedCache(1000), list[int]()
    for _ in range(2):
        cache.get("key", lambda: made.append(1), lambda _: cost)
    assert made == [1, 1]


def test_an_answer_about_credentials_is_kept_for_moments_and_a_refusal_is_not() -> None:
    now, asked = [100.0], list[str]()
    recent = RecentAnswers[str](seconds=5.0, clock=lambda: now[0])

    def ask() -> str:
        asked.append("asked")
        if len(asked) == 1:
            raise LookupError
        return f"answer {len(asked)}"

    with pytest.raises(LookupError):
        recent.get("token", ask)
    assert recent.get("token", ask) == "answer 2"
    now[0] += 4.9
    assert recent.get("token", ask) == "answer 2"
    assert recent.get("other", ask) == "answer 3"
    now[0] += 0.2
    assert recent.get("token", ask) == "answer 4"


def test_what_is_ready_stays_within_its_bytes() -> None:
    ready = ReadyValues[str](100)
    for number in range(50):
        ready.keep(("a", str(number)), f"value {number}", 17)
        assert ready.get(("a", str(number))) == f"value {number}"
        assert sum(ready.get(("a", str(each))) is not None for each in range(50)) <= 5
    ready.keep(("large",), "value", 26)
    assert ready.get(("large",)) is None
    ready.keep(("b", None), "the same again", 20)
    ready.keep(("b", None), "and again", 20)
    assert ready.get(("b", None)) == "and again"


def test_keys_count_among_the_bytes_for_strangers_choose_them() -> None:
    ready = ReadyValues[str](100)
    keys = [("path", f"{number:020}") for number in range(50)]
    for key in keys:
        ready.keep(key, "v", 1)
    assert sum(ready.get(key) is not None for key in keys) <= 4
    ready.keep(("path", "x" * 1000), "v", 1)
    assert ready.get(("path", "x" * 1000)) is None
