"""Names, forms and archives that /legacy/ refuses, over a real server."""

import io
import tarfile
import zipfile

import pytest

from tests.distributions import metadata, sdist, tar_gz_of, wheel, zip_of
from tests.refusals import assert_refused, stored_files
from tests.running import RunningIndex, ask, multipart


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    return each_mode


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


NAMES = [
    ("nothing.txt", "is not the name of"),
    ("demo-1.0-py3-none-any.egg", "is not the name of"),
    ("demo-not!a!version.tar.gz", "is not the name of"),
    ("d\u00e9mo-1.0.tar.gz", "is not the name of"),
    ("-1.0.tar.gz", "is not the name of"),
]


@pytest.mark.parametrize(("filename", "words"), NAMES)
def test_a_filename_that_is_none_of_a_distribution_is_refused(
    index: RunningIndex, token: str, filename: str, words: str
) -> None:
    before = stored_files(index)
    body, kind = multipart(
        {":action": "file_upload", "name": "demo", "version": "1.0", "filetype": "sdist"}, filename, b"bytes"
    )
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    reply = ask(f"{index.url}/legacy/", method="POST", headers=headers, body=body)
    assert_refused(index, reply, 400, words, before)


DISAGREEMENTS = [
    ({"name": "other"}, "but the form says"),
    ({"version": "2.0"}, "but the form says"),
    ({"filetype": "sdist"}, "not of the announced filetype"),
    ({"sha256_digest": "0" * 64}, "sha256 digest differs"),
    ({"blake2_256_digest": "0" * 64}, "blake2b-256 digest differs"),
    ({"md5_digest": "0" * 32}, "md5 digest differs"),
    ({":action": "submit"}, ":action=file_upload"),
]


@pytest.mark.parametrize(("fields", "words"), DISAGREEMENTS)
def test_a_form_that_disagrees_with_the_file_is_refused(
    index: RunningIndex, token: str, fields: dict[str, str], words: str
) -> None:
    filename, content = wheel("disagreeing", "1.0")
    before = stored_files(index)
    assert_refused(index, index.post_upload(filename, content, token=token, **fields), 400, words, before)


def bad_archives() -> list[tuple[str, str, bytes, str]]:
    """Name of the case, filename, bytes, and words of the refusal."""
    name, good = wheel("bad", "1.0")
    source, good_source = sdist("bad", "1.0")
    return [
        ("no zip", name, b"this is not a zip", "damaged or no archive"),
        ("zip cut short", name, good[: len(good) // 2], "damaged or no archive"),
        ("tar cut short", source, good_source[:-40], "damaged or no archive"),
        ("tar without its checksum", source, good_source[:-8], "damaged or no archive"),
        ("no metadata", name, zip_of({"bad.py": b""}), "exactly once"),
        ("two top folders", source, tar_gz_of({"bad-1.0/PKG-INFO": b"", "other/PKG-INFO": b""}), "one top folder"),
        ("no PKG-INFO", source, tar_gz_of({"bad-1.0/setup.py": b""}), "exactly once"),
        ("another name", name, described(metadata("good", "1.0")), "names 'good'"),
        ("another version", name, described(metadata("bad", "2.0")), "says 2.0"),
        ("no name", name, described("Metadata-Version: 2.1\nVersion: 1.0\n"), "no valid Name"),
        ("no version", name, described("Metadata-Version: 2.1\nName: bad\n"), "no valid Version"),
        (
            "bad requires-python",
            name,
            described(metadata("bad", "1.0", "Requires-Python: maybe")),
            "no version specifier",
        ),
        ("huge metadata", name, described("x" * (5 * 1024 * 1024)), "larger than"),
        ("a file changed", name, good_with_another_module(), "another sha256 than RECORD says"),
        ("huge tar header", source, _pax_bomb(), "cannot be read safely"),
        ("metadata is a link", source, _linked_metadata(), "no plain file"),
        ("empty", name, b"", "damaged or no archive"),
    ]


def described(text: str) -> bytes:
    """A wheel that is good but for its METADATA."""
    return wheel("bad", "1.0", members={"bad-1.0.dist-info/METADATA": text.encode()})[1]


def good_with_another_module() -> bytes:
    """A wheel of which a module was changed after RECORD was written."""
    with zipfile.ZipFile(io.BytesIO(wheel("bad", "1.0")[1])) as archive:
        contents = {path: archive.read(path) for path in archive.namelist()}
    return zip_of({**contents, "bad.py": b"import evil\n"})


def _pax_bomb() -> bytes:
    """An extended header that claims to be 1 GiB: tarfile would read it whole."""
    import gzip

    header = tarfile.TarInfo("PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 1024**3
    return gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 10_000_000, 1)


def _linked_metadata() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("bad-1.0/PKG-INFO")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "content", "words"), [case[1:] for case in bad_archives()], ids=[case[0] for case in bad_archives()]
)
def test_a_bad_archive_is_refused_and_nothing_of_it_kept(
    index: RunningIndex, token: str, filename: str, content: bytes, words: str
) -> None:
    before = stored_files(index)
    assert_refused(index, index.post_upload(filename, content, token=token), 400, words, before)
    assert index.page("bad") is None
