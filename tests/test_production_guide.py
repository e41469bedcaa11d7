"""docs/production.md, followed word for word on a new data folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributions import wheel
from tests.guides import Reader
from tests.running import CHECKOUT, RunningIndex, free_port

GUIDE = CHECKOUT / "docs" / "production.md"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a distribution, and an index that was never started."""
    index = RunningIndex(tmp_path / "data", free_port(), {"INDEXSITE_BINS": "4"})
    filename, content = wheel("demo", "1.0")
    dist = tmp_path / "user" / "dist"
    dist.mkdir(parents=True)
    (dist / filename).write_bytes(content)
    yield Reader(index, tmp_path, {"PROJECT": "demo"})
    index.stop()


def test_the_guide_leads_to_production(reader: Reader) -> None:
    reader.follow(GUIDE, "The first start")
    assert "development" in reader.index.manage("tuf_status")
    reader.index.wait_until_listed("demo", "demo-1.0-py3-none-any.whl")
    reader.follow(GUIDE, "The ceremony")
    assert "root 2 (real)" in reader.index.manage("tuf_status")
    assert list((reader.folder / "user" / "installed").glob("demo-1.0.dist-info"))
    assert (reader.folder / "user" / "mirror" / "simple" / "demo" / "index.html").exists()
    assert not list((reader.index.data / "keys").rglob("*.pem"))
