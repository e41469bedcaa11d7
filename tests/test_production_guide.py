"""docs/production.md, followed word for word on a new data folder."""

import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributions import wheel
from tests.guides import Reader
from tests.running import CHECKOUT, RunningIndex, free_port

GUIDE = CHECKOUT / "docs" / "production.md"
THEFT = 3  # lines of the drill in which the thief is at work


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a distribution, and an index that was never started."""
    index = RunningIndex(tmp_path / "data", free_port(), {"INDEXSITE_BINS": "4"})
    for folder, version in (("dist", "1.0"), ("forged", "6.6")):
        filename, content = wheel("demo", version)
        (tmp_path / "user" / folder).mkdir(parents=True)
        (tmp_path / "user" / folder / filename).write_bytes(content)
    venv.create(tmp_path / "user" / "venv", with_pip=True)
    yield Reader(index, tmp_path, {"PROJECT": "demo"})
    index.stop()


def installed(reader: Reader) -> str:
    return reader.run("user", "pip list --format freeze | grep demo").strip()


def test_the_guide_leads_to_production_and_back_from_a_theft(reader: Reader) -> None:
    index = reader.index
    reader.follow(GUIDE, "The first start")
    assert "development" in index.manage("tuf_status")
    index.wait_until_listed("demo", "demo-1.0-py3-none-any.whl")

    reader.follow(GUIDE, "The ceremony")
    assert "root 2 (real)" in index.manage("tuf_status")
    assert installed(reader) == "demo==1.0"
    assert (reader.folder / "user" / "mirror" / "simple" / "demo" / "index.html").exists()
    assert not list((index.data / "keys").rglob("*.pem"))

    reader.follow(GUIDE, "Every year")
    assert "root 3 (real)" in index.manage("tuf_status")

    reader.follow(GUIDE, "A new online key")
    assert "root 4 (real)" in index.manage("tuf_status")
    assert index.post_upload(*wheel("after", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("after", "after-1.0-py3-none-any.whl")
    reader.run("user", f"indexsite mirror mirror --index {index.url}/")

    reader.follow(GUIDE, "The drill", last=THEFT)
    assert installed(reader) == "demo==6.6"
    reader.follow(GUIDE, "The drill", first=THEFT)
    assert installed(reader) == "demo==1.0"
    assert [file["filename"] for file in index.page("demo")["files"]] == ["demo-1.0-py3-none-any.whl"]
    assert index.get("/trust/bulletins/").status == 200
