"""The addresses of object stores and brokers: read, or refused in a sentence that shows no secret."""

import pytest

from indexsite.addresses import ObjectStore, check_broker, read_object_store


def test_an_address_says_everything_about_a_store() -> None:
    url = "s3://KEY:a%2Fb%2Bc%40d@store.example:9000/bucket/some/prefix?tls=0&region=eu-west-1"
    store = ObjectStore("http://store.example:9000", "bucket", "some/prefix", "eu-west-1", "KEY", "a/b+c@d")
    assert read_object_store(url) == store
    assert "a/b" not in repr(store)


def test_tls_is_the_default_and_no_host_is_amazons() -> None:
    assert read_object_store("s3://K:S@store.example/bucket").endpoint == "https://store.example"
    assert read_object_store("s3://K:S@[::1]:9000/bucket").endpoint == "https://[::1]:9000"
    assert read_object_store("s3:///bucket/prefix") == ObjectStore("", "bucket", "prefix", "", "", "")
    assert read_object_store("s3://K:S@/bucket?region=eu-west-1").access_key == "K"


REFUSED = [
    ("s3://store.example", "name the bucket"),
    ("s3://K:hunter2@store.example:x/bucket", "the port is no number"),
    ("s3://K:hun/ter2@store.example/bucket", "the port is no number"),
    ("s3://hunter2@store.example/bucket", "both key and secret"),
    ("s3://K:hunter2@store.example/bucket?tls=no", "tls= is 0 or 1"),
    ("s3://K:hunter2@store.example/bucket?ssl=0", "not ssl="),
    ("s3://K:hunter2@store.example/bucket/../other", "the prefix"),
    ("s3:///bucket?tls=0", "Amazon"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED)
def test_a_faulty_address_is_refused_without_its_secret(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_object_store(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://host", "rediss://:p@host:6380/3", "redis://user:p%2F@[::1]:6379"])
def test_a_broker_is_redis(url: str) -> None:
    check_broker(url)


@pytest.mark.parametrize("url", ["amqp://host", "redis://", "redis://:hunter2@host/name", "redis://:hun/ter2@host"])
def test_a_faulty_broker_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis|port|number") as caught:
        check_broker(url)
    assert "hunter2" not in str(caught.value)
