"""What a wheel must hold: RECORD complete and right, WHEEL as the filename says, one .dist-info folder."""

from collections.abc import Callable

import pytest

from indexsite_client.protocol import parse_distribution_filename
from packages.archives import read_archive
from tests.archives import INFO, WHEEL_NAME, entries_of, faults, raw_zip, read, wheel_files, wheel_of
from tests.distributions import metadata, record, record_hash

RECORD, CODE = f"{INFO}/RECORD", "demo/__init__.py"
PLAIN = wheel_of()
DATA = wheel_files()[CODE]
SHA256 = record_hash(DATA).encode()


def with_record(change: Callable[[bytes], bytes], members: dict[str, bytes] | None = None) -> bytes:
    """A wheel whose RECORD was changed."""
    files = wheel_files(members)
    changed = change(files[RECORD])
    assert changed != files[RECORD]
    return raw_zip(entries_of({**files, RECORD: changed}))


def swap(old: bytes, new: bytes) -> bytes:
    return with_record(lambda content: content.replace(old, new))


def hashed(algorithm: str) -> bytes:
    return swap(SHA256, record_hash(DATA, algorithm).encode())


def without(path: str) -> bytes:
    files = wheel_files()
    del files[path]
    if path != RECORD:
        files[RECORD] = record({name: data for name, data in files.items() if name != RECORD}, INFO)
    return raw_zip(entries_of(files))


def changed_after() -> bytes:
    """A wheel in which a file was changed after RECORD was written."""
    return raw_zip(entries_of({**wheel_files(), CODE: DATA + b"import evil\n"}))


def added_after(path: str) -> bytes:
    return raw_zip(entries_of({**wheel_files(), path: b"x"}))


SIZE = f",{len(DATA)}\n".encode()

RECORDS = [
    ("a file changed", changed_after(), "another sha256 than RECORD says", PLAIN),
    ("a size wrong", swap(SIZE, b",7\n"), "bytes, but RECORD says '7'", swap(SIZE, b",\n")),
    ("a file added", added_after("demo/evil.py"), "'demo/evil.py' is not listed", added_after(f"{RECORD}.jws")),
    ("a .pth added", added_after("evil.pth"), "'evil.pth' is not listed", added_after(f"{RECORD}.p7s")),
    ("a file missing", with_record(lambda c: c + b"demo/gone.py,sha256=x,1\n"), "not in the wheel", PLAIN),
    ("a line twice", with_record(lambda c: c + c.splitlines(keepends=True)[0]), "listed twice", PLAIN),
    ("no hash", swap(SHA256, b""), "but has none", PLAIN),
    ("md5", hashed("md5"), "but has 'md5'", hashed("sha384")),
    ("sha1", hashed("sha1"), "but has 'sha1'", hashed("sha512")),
    ("another sha512", swap(SHA256, b"sha512=" + SHA256[7:]), "another sha512", hashed("sha512")),
    ("RECORD hashes itself", swap(b"RECORD,,", b"RECORD,sha256=x,"), "cannot be right", PLAIN),
    ("four fields", with_record(lambda c: c + b"a,b,c,d\n"), "a line of 4 fields", with_record(lambda c: c + b"\n")),
    ("not UTF-8", with_record(lambda c: c + b"\xff,,\n"), "not comma-separated UTF-8", PLAIN),
    ("no commas", with_record(lambda c: b"nothing"), "a line of 1 fields", PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "words", "good"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
def test_a_record_that_is_not_complete_and_right_is_refused(bad: bytes, words: str, good: bytes) -> None:
    assert any(words in sentence for sentence in faults(WHEEL_NAME, bad)), faults(WHEEL_NAME, bad)
    assert faults(WHEEL_NAME, good) == []


def test_a_name_with_a_comma_is_quoted_in_record() -> None:
    files = wheel_files({"demo/a,b.py": b""})
    quoted = files[RECORD].replace(b"demo/a,b.py", b'"demo/a,b.py"')
    assert faults(WHEEL_NAME, raw_zip(entries_of({**files, RECORD: quoted}))) == []
    assert any("4 fields" in each for each in faults(WHEEL_NAME, raw_zip(entries_of(files))))


def test_folders_need_no_line_in_record() -> None:
    folder = {"demo/empty/": b""}
    files = wheel_files()
    assert faults(WHEEL_NAME, raw_zip(entries_of({**folder, **files}))) == []


def wheel_says(text: str) -> bytes:
    return wheel_of({f"{INFO}/WHEEL": text.encode()})


WHEELS = [
    ("py3-none-any", "Wheel-Version: 1.0\nTag: py3-none-any\n", ""),
    ("py2.py3-none-any", "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n", ""),
    ("py2.py3-none-any", "Wheel-Version: 1.0\r\nTag: py2.py3-none-any\r\n", ""),
    ("1-py3-none-any", "Wheel-Version: 1.9\nBuild: 1\nTag: py3-none-any\n", ""),
    ("cp311-abi3-win32", "Wheel-Version: 1.0\nTag: cp311-abi3-WIN32\n", ""),
    ("py2.py3-none-any", "Wheel-Version: 1.0\nTag: py3-none-any\n", "which says 'py3-none-any'"),
    ("py3-none-any", "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n", "other tags"),
    ("py3-none-any", "Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n", "other tags"),
    ("py3-none-any", "Wheel-Version: 1.0\n", "which says none"),
    ("py3-none-any", "Wheel-Version: 1.0\n\nTag: py3-none-any\n", "which says none"),
    ("py3-none-any", "Wheel-Version: 1.0\nTag: any\n", "the tag 'any', which is none"),
    ("py3-none-any", f"Wheel-Version: 1.0\nTag: {'.'.join('abcdefghijk' * 9)}-{'a.' * 99}a-any\n", "which is none"),
    ("py3-none-any", "Wheel-Version: 2.0\nTag: py3-none-any\n", "Wheel-Version 1.0"),
    ("py3-none-any", "Tag: py3-none-any\n", "Wheel-Version 1.0"),
    ("py3-none-any", "", "Wheel-Version 1.0"),
    ("-".join([".".join("abcdefghijk")] * 3), "Wheel-Version: 1.0\n", "which says none"),
    ("py3-none-any", "Wheel-Version: 1.0\nWheel-Version: 1.0\nTag: py3-none-any\n", "Wheel-Version 1.0"),
    ("py3-none-any", "Wheel-Version: 1.0\nTag: py3-none-any\n" + "X: y\n" * 20_000, "more than it needs"),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "text", "words"), WHEELS)
def test_wheel_says_the_same_tags_as_the_filename(tags: str, text: str, words: str) -> None:
    found = faults(f"demo-1.0-{tags}.whl", wheel_says(text))
    assert any(words in sentence for sentence in found) if words else not found, found


def named(info: str) -> bytes:
    return raw_zip(entries_of(wheel_files(info=info)))


OTHER = "other-1.0.dist-info/METADATA"
FOLDERS = [
    ("no .dist-info", raw_zip(entries_of({"demo.py": b""})), "one .dist-info folder of its project exactly once"),
    ("empty", raw_zip([]), "one .dist-info folder"),
    ("two .dist-info", wheel_of({OTHER: b""}), "exactly once, not 2"),
    ("two by case", wheel_of({"DEMO-1.0.DIST-INFO/METADATA": b""}), "exactly once, not 2"),
    ("an empty second one", raw_zip(entries_of({"other-1.0.dist-info/": b"", **wheel_files()})), "not 2"),
    ("upper case", named("demo-1.0.DIST-INFO"), "is not named for demo 1.0"),
    ("another project", named("other-1.0.dist-info"), "is not named for demo 1.0"),
    ("another version", named("demo-1.1.dist-info"), "is not named for demo 1.0"),
    ("no version", named("demo.dist-info"), "is not named for demo 1.0"),
    ("no METADATA", without(f"{INFO}/METADATA"), f"{INFO}/METADATA exactly once, but lacks it"),
    ("no WHEEL", without(f"{INFO}/WHEEL"), f"{INFO}/WHEEL exactly once, but lacks it"),
    ("no RECORD", without(RECORD), f"{INFO}/RECORD exactly once, but lacks it"),
    ("huge METADATA", wheel_of({f"{INFO}/METADATA": b"x" * 5_000_000}), "larger than 4194304 bytes"),
    ("two .data", wheel_of({"demo-1.0.data/scripts/x": b"", "other-1.0.data/scripts/x": b""}), "must be called"),
    ("another's .data", wheel_of({"other-1.0.data/scripts/x": b""}), "must be called 'demo-1.0.data'"),
    (".data by case", wheel_of({"demo-1.0.DATA/scripts/x": b""}), "must be called 'demo-1.0.data'"),
    (".data that plants one", wheel_of({f"demo-1.0.data/purelib/{OTHER}": b""}), "another distribution's .dist-info"),
    (".data that plants one", wheel_of({f"demo-1.0.data/PLATLIB/{OTHER}": b""}), "another distribution's .dist-info"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "words"), [case[1:] for case in FOLDERS], ids=[case[0] for case in FOLDERS])
def test_a_wheel_with_other_folders_than_it_needs_is_refused(bad: bytes, words: str) -> None:
    assert any(words in sentence for sentence in faults(WHEEL_NAME, bad)), faults(WHEEL_NAME, bad)


GOOD_FOLDERS = {
    "plain": PLAIN,
    "one .data": wheel_of({"demo-1.0.data/scripts/x": b"", "demo-1.0.data/purelib/x.py": b""}),
    "vendored .dist-info": wheel_of({f"demo/_vendor/{OTHER}": b""}),
    "other spelling": named("Demo-1.0.0.dist-info"),
}


@pytest.mark.parametrize("good", GOOD_FOLDERS.values(), ids=GOOD_FOLDERS.keys())
def test_a_wheel_with_the_folders_it_needs_is_taken(good: bytes) -> None:
    assert faults(WHEEL_NAME, good) == []


@pytest.mark.parametrize(
    ("filename", "info"),
    [
        ("zope_interface-5.0-py3-none-any.whl", "zope.interface-5.0.dist-info"),
        ("Foo_Bar-1.0rc1-py3-none-any.whl", "foo_bar-1.0.rc1.dist-info"),
        ("demo-1.0.post1-py3-none-any.whl", "demo-1.0_1.dist-info"),
        ("demo-1.0+local.7-py3-none-any.whl", "demo-1.0+local_7.dist-info"),
    ],
)
def test_the_spelling_of_name_and_version_is_free(filename: str, info: str) -> None:
    assert faults(filename, raw_zip(entries_of(wheel_files(info=info)))) == []


def test_what_is_read_is_the_metadata_and_the_names_of_the_files() -> None:
    archive = read(WHEEL_NAME, raw_zip(entries_of({"demo/": b"", **wheel_files()})))
    assert archive.metadata == metadata("demo", "1.0").encode()
    assert archive.members == {CODE, RECORD, f"{INFO}/METADATA", f"{INFO}/WHEEL"}


def test_a_wheel_is_read_from_a_file_that_stands_anywhere(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's path
    path = tmp_path / WHEEL_NAME
    path.write_bytes(PLAIN)
    with open(path, "rb") as file:
        file.seek(50)
        read_archive(parse_distribution_filename(WHEEL_NAME), file)
