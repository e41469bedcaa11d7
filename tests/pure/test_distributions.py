"""What holds between a distribution's metadata and the rest of its archive; and which addresses are shown."""

import io

import pytest

from indexsite_client.protocol import parse_distribution_filename
from packages.distributions import read_distribution
from packages.errors import MetadataFaultyError
from packages.web_addresses import is_web_address
from tests.distributions import metadata, sdist, wheel

LICENSED = metadata("licensed", "1.0", "License-File: LICENSE\nLicense-File: docs/NOTICE\n")
LICENSED = LICENSED.replace("Metadata-Version: 2.1", "Metadata-Version: 2.4")
INFO, TOP = "licensed-1.0.dist-info", "licensed-1.0"


def licensed_wheel(*paths: str) -> tuple[str, bytes]:
    vendored = {"licensed/_vendor/other-2.0.dist-info/METADATA": b"Metadata-Version: 2.1\n"}
    texts = {f"{INFO}/{path}": b"Do as you like." for path in paths}
    return wheel("licensed", "1.0", members={f"{INFO}/METADATA": LICENSED.encode(), **texts, **vendored})


def licensed_sdist(*paths: str) -> tuple[str, bytes]:
    texts = {f"{TOP}/{path}": b"Do as you like." for path in paths}
    return sdist("licensed", "1.0", members={f"{TOP}/PKG-INFO": LICENSED.encode(), **texts})


@pytest.mark.parametrize(
    ("whole", "lacking"),
    [
        (licensed_wheel("licenses/LICENSE", "licenses/docs/NOTICE"), licensed_wheel("licenses/LICENSE", "NOTICE")),
        (licensed_sdist("LICENSE", "docs/NOTICE"), licensed_sdist("LICENSE", "licenses/docs/NOTICE")),
    ],
)
def test_license_files_are_where_the_metadata_says(whole: tuple[str, bytes], lacking: tuple[str, bytes]) -> None:
    def read(filename: str, content: bytes) -> tuple[str, ...]:
        named = parse_distribution_filename(filename)
        return read_distribution(named, io.BytesIO(content)).metadata.license_files

    assert read(*whole) == ("LICENSE", "docs/NOTICE")
    with pytest.raises(MetadataFaultyError, match=r"names 'docs/NOTICE', but .* lacks it"):
        read(*lacking)


@pytest.mark.parametrize("address", ["https://example.org/a?b=c#d", "http://[::1]:8000/", "https://user@example.org"])
def test_addresses_of_the_web_are_shown(address: str) -> None:
    assert is_web_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "https://good.example\\@evil.example/",
        'https://example.org/"onclick=x',
        "https://example.org/<b>",
        "https://exam ple.org",
        "https://example.org/\u2028",
        "https://[::1",
        f"https://example.org/{'a' * 2000}",
    ],
)
def test_others_are_not(address: str) -> None:
    assert not is_web_address(address)
