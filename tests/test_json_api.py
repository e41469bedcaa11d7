"""The JSON API: the shape that PyPI documents, what tools read of it, and how it answers."""

import hashlib
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from jsonschema import Draft202012Validator
from packaging.version import Version
from pip_audit._service.interface import ResolvedDependency, SkippedDependency
from pip_audit._service.pypi import PyPIService
from requests.adapters import HTTPAdapter

from tests.conftest import NewIndex
from tests.distributions import metadata, sdist, wheel
from tests.running import RunningIndex, ask, eventually

STRING = {"type": "string"}
TEXT = {"type": ["string", "null"]}
TEXTS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}


def exactly(**properties: object) -> dict[str, object]:
    """An object with these properties, all of them, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


FILE = exactly(
    comment_text=TEXT,
    digests={"type": "object", "required": ["sha256"], "properties": {"sha256": {"pattern": "^[0-9a-f]{64}$"}}},
    downloads={"const": -1},
    filename={"type": "string"},
    has_sig={"const": False},
    md5_digest=TEXT,
    packagetype={"enum": ["bdist_wheel", "sdist"]},
    python_version={"type": "string"},
    requires_python=TEXT,
    size={"type": "integer", "minimum": 1},
    upload_time={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"},
    upload_time_iso_8601={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
    url={"type": "string", "pattern": "^http"},
    yanked={"type": "boolean"},
    yanked_reason=TEXT,
)
FILES = {"type": "array", "items": FILE}
INFO = exactly(
    **dict.fromkeys(
        ["author", "author_email", "maintainer", "maintainer_email", "license", "license_expression", "home_page"], TEXT
    ),
    **dict.fromkeys(["description_content_type", "docs_url", "download_url", "keywords", "platform"], TEXT),
    **dict.fromkeys(["requires_python", "yanked_reason"], TEXT),
    **dict.fromkeys(["requires_dist", "provides_extra", "dynamic", "license_files"], TEXTS),
    **dict.fromkeys(["name", "version", "summary", "description", "package_url", "project_url", "release_url"], STRING),
    bugtrack_url={"type": "null"},
    classifiers={"type": "array", "items": {"type": "string"}},
    downloads=exactly(last_day={"const": -1}, last_month={"const": -1}, last_week={"const": -1}),
    project_urls={"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "null"}]},
    yanked={"type": "boolean"},
)
RELEASE = {"info": INFO, "last_serial": {"type": "integer"}, "urls": FILES, "vulnerabilities": {"const": []}}
PROJECT = {**RELEASE, "releases": {"type": "object", "additionalProperties": FILES}}

EXTRA = """\
Author-email: A. Person <a@example.org>
License-Expression: Apache-2.0
Keywords: one,two
Classifier: Programming Language :: Python :: 3
Classifier: License :: OSI Approved :: Apache Software License
Project-URL: Source, https://code.example.org/described
Home-page: https://example.org/described
Requires-Python: >=3.9
Requires-Dist: peppercorn
Requires-Dist: check-manifest; extra == "dev"
Provides-Extra: dev
Description-Content-Type: text/markdown
"""


def described(version: str) -> tuple[str, bytes]:
    """A wheel whose metadata say everything."""
    content = metadata("Described.Thing", version, EXTRA).replace("Text.", "# Title\n\nSome *words*.")
    content = content.replace("Metadata-Version: 2.1", "Metadata-Version: 2.4")
    members = {f"described_thing-{version}.dist-info/METADATA": content.encode()}
    return wheel("Described.Thing", version, members=members)


@pytest.fixture(scope="module")
def index(one_process_index: RunningIndex) -> RunningIndex:
    """An index with a described project of several releases."""
    token = one_process_index.token()
    made = [described("1.0"), described("1.1"), sdist("described-thing", "1.1"), wheel("described-thing", "2.0rc1")]
    for filename, content in made:
        reply = one_process_index.post_upload(filename, content, token=token, name="Described.Thing")
        assert reply.status == 200, reply.text
    one_process_index.wait_until_listed("described-thing", *[filename for filename, _ in made])
    eventually(lambda: document(one_process_index, "described-thing")["info"]["description"], what="the description")
    return one_process_index


def document(index: RunningIndex, path: str) -> Any:  # Any: JSON
    """The JSON of a project, or of `name/version`."""
    reply = index.get(f"/pypi/{path}/json")
    assert reply.status == 200, reply.text
    assert reply.headers["content-type"] == "application/json"
    return reply.json()


def validate(value: object, properties: dict[str, object]) -> None:
    Draft202012Validator(exactly(**properties)).validate(value)


def test_a_project_has_the_documented_shape(index: RunningIndex) -> None:
    found = document(index, "described-thing")
    validate(found, PROJECT)
    assert list(found["releases"]) == ["1.0", "1.1", "2.0rc1"]
    assert found["info"]["version"] == "1.1"  # a pre-release is not the latest
    assert found["urls"] == found["releases"]["1.1"]
    assert found["last_serial"] > 0


def test_a_release_has_the_documented_shape(index: RunningIndex) -> None:
    for version in ("1.0", "1.1", "2.0rc1"):
        found = document(index, f"described-thing/{version}")
        validate(found, RELEASE)
        assert found["info"]["version"] == version


def test_info_is_what_the_file_says_of_itself(index: RunningIndex) -> None:
    info = document(index, "described-thing/1.0")["info"]
    page = f"{index.url}/project/described-thing/"
    assert {name: value for name, value in info.items() if value} == {
        "name": "Described.Thing",
        "version": "1.0",
        "summary": "A test of Described.Thing.",
        "description": "# Title\n\nSome *words*.\n",
        "description_content_type": "text/markdown",
        "author_email": "A. Person <a@example.org>",
        "license_expression": "Apache-2.0",
        "keywords": "one,two",
        "classifiers": [
            "Programming Language :: Python :: 3",
            "License :: OSI Approved :: Apache Software License",
        ],
        "project_urls": {"Source": "https://code.example.org/described"},  # what is no web page is left out
        "home_page": "https://example.org/described",
        "requires_python": ">=3.9",
        "requires_dist": ["peppercorn", 'check-manifest; extra == "dev"'],
        "provides_extra": ["dev"],
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "package_url": page,
        "project_url": page,
        "release_url": f"{page}1.0/",
    }


def test_files_can_be_downloaded_and_checked(index: RunningIndex) -> None:
    for file in document(index, "described-thing/1.1")["urls"]:
        body = ask(file["url"]).body
        assert hashlib.sha256(body).hexdigest() == file["digests"]["sha256"]
        assert len(body) == file["size"]
    kinds = {(file["packagetype"], file["python_version"]) for file in document(index, "described-thing/1.1")["urls"]}
    assert kinds == {("bdist_wheel", "py3"), ("sdist", "source")}


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("Described.Thing/json", "/pypi/described-thing/json"),
        ("described_thing/1.0/json", "/pypi/described-thing/1.0/json"),
    ],
)
def test_another_spelling_of_the_name_is_redirected(index: RunningIndex, asked: str, location: str) -> None:
    reply = index.get(f"/pypi/{asked}")
    assert (reply.status, reply.headers["location"]) == (301, location)


@pytest.mark.parametrize("version", ["1.0.0", "v1.0", "1.0.0.0"])
def test_another_spelling_of_the_version_is_understood(index: RunningIndex, version: str) -> None:
    assert document(index, f"described-thing/{version}")["info"]["version"] == "1.0"


@pytest.mark.parametrize("path", ["absent/json", "described-thing/9/json", "described-thing/x/json", "%20/json"])
def test_what_is_not_there_is_a_404_in_json(index: RunningIndex, path: str) -> None:
    reply = index.get(f"/pypi/{path}")
    assert reply.status == 404
    assert reply.json()["message"]
    assert reply.headers["cache-control"] == "no-store"


def test_a_client_that_has_it_already_is_told_so(index: RunningIndex) -> None:
    for encoding in ("identity", "gzip"):
        first = index.get("/pypi/described-thing/json", Accept_Encoding=encoding)
        assert first.headers["cache-control"] == "no-cache"
        etag = first.headers["etag"]
        again = index.get("/pypi/described-thing/json", Accept_Encoding=encoding, If_None_Match=etag)
        assert (again.status, again.body) == (304, b"")
    assert index.get("/pypi/described-thing/json", If_None_Match='"other"').status == 200
    assert ask(f"{index.url}/pypi/described-thing/json", method="HEAD").body == b""
    assert ask(f"{index.url}/pypi/described-thing/json", method="POST", body=b"").status in {403, 405}


def test_files_that_wait_for_a_signature_are_not_there(new_index: NewIndex) -> None:
    index = new_index().start()
    assert index.post_upload(*wheel("waits", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("waits", wheel("waits", "1.0")[0])
    unpublish = "from packages.models import File; File.objects.update(state='waiting', voucher='')"
    index.manage("shell", "-c", unpublish)
    assert index.get("/pypi/waits/json").status == 404
    assert index.get("/pypi/waits/1.0/json").status == 404
    assert index.get("/project/waits/1.0/").status == 404
    assert index.get("/rss/project/waits/releases.xml").status == 404
    assert b"waits" not in index.get("/rss/updates.xml").body + index.get("/rss/packages.xml").body


MANY = """
from django.db import connection; from django.test import Client; from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now; from packages.models import *
def fill(name, count):
    project = Project.objects.create(name=name, display_name=name, created_at=now())
    for number in range(count):
        release = Release.objects.create(project=project, version=f"{number}.0", created_at=now())
        File.objects.create(release=release, filename=f"{name}-{number}.0.tar.gz", sha256="0" * 64, size=1,
                            uploaded_at=now(), state="published", voucher="unclaimed")
for name, count in (("few", 1), ("many", 1000)):
    fill(name, count)
    for path in (f"/pypi/{name}/json", f"/pypi/{name}/0.0/json"):
        with CaptureQueriesContext(connection) as queries:
            answer = Client(HTTP_HOST="localhost").get(path)
        print("asked", len(queries), answer.status_code, len(answer.json()["urls"]))
"""


def test_the_number_of_queries_does_not_depend_on_the_number_of_files(new_index: NewIndex) -> None:
    index = new_index().start()
    lines = [line for line in index.manage("shell", "-c", MANY).splitlines() if line.startswith("asked")]
    assert lines == ["asked 5 200 1"] * 4


class ToUs(HTTPAdapter):
    """Sends everything to the index under test: pip-audit has PyPI's address built in."""

    base: ClassVar[str]

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # Any: requests'
        request.url = self.base + urlsplit(str(request.url)).path
        return super().send(request, *args, **kwargs)


def test_pip_audit_reads_it(index: RunningIndex, tmp_path: Any) -> None:
    service = PyPIService(cache_dir=tmp_path)
    ToUs.base = index.url
    service.session.mount("https://", ToUs())
    dependency, found = service.query(ResolvedDependency("described-thing", Version("1.1")))
    assert (dependency.name, found) == ("described-thing", [])
    skipped, _ = service.query(ResolvedDependency("absent", Version("1")))
    assert isinstance(skipped, SkippedDependency)


def test_what_renovate_and_dependabot_look_at_is_there(index: RunningIndex) -> None:
    found = document(index, "described-thing")
    assert found["info"]["home_page"] == "https://example.org/described"
    assert found["info"]["project_urls"]["Source"].startswith("https://")
    for version, files in found["releases"].items():
        assert Version(version)
        for file in files:
            assert file["upload_time"]
            assert file["yanked"] is False
            assert file["requires_python"] in {None, ">=3.9"}


def test_addresses_are_those_that_people_use(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BASE_URL="https://packages.example.org").start()
    filename, content = wheel("placed", "1.0")
    assert index.post_upload(filename, content, token=index.token()).status == 200
    eventually(lambda: index.get("/pypi/placed/json").status == 200, what="it listed")
    found = document(index, "placed")
    assert found["urls"][0]["url"].startswith("https://packages.example.org/files/")
    assert found["info"]["package_url"] == "https://packages.example.org/project/placed/"


def test_a_private_index_keeps_it_from_shared_caches(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_PRIVATE="1").start()
    token = index.token()
    filename, content = wheel("secret", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    headers = {"Authorization": f"Bearer {token}"}
    eventually(lambda: index.get("/pypi/secret/json", **headers).status == 200, what="it listed")
    reply = index.get("/pypi/secret/json", **headers)
    assert reply.headers["cache-control"] == "private, no-cache"
    assert index.get("/pypi/secret/json").status == 401
