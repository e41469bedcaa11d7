"""Upload forms from hostile senders: what a form may hold is bounded, and what is refused leaves nothing behind."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages.errors import FileTooLargeError, FormFaultyError, UploadRefusedError
from packages.receiving import FIELDS_LIMIT, PacedBody, ReceivedForm, received_form
from storage.contract import the_storage

KIND = "multipart/form-data; boundary=edge"
FIELD = b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = b'--edge\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n'
END = b"--edge--\r\n"


@contextmanager
def read(content: bytes, *, kind: str = KIND, length: int | None = None, limit: int = 1000) -> Iterator[ReceivedForm]:
    body = PacedBody(io.BytesIO(content))
    size = len(content) if length is None else length
    with received_form(body, content_type=kind, length=size, limit=limit) as form:
        yield form


def left_behind() -> list[str]:
    return [path.name for path in the_storage().incoming_folder().iterdir()]


def refused(content: bytes, **options: object) -> UploadRefusedError:
    with pytest.raises(UploadRefusedError) as caught, read(content, **options):  # type: ignore[arg-type]  # handed on
        pass
    assert left_behind() == []
    return caught.value


def test_fields_and_the_file_are_read_and_the_file_is_gone_afterwards() -> None:
    content = FIELD % (b"name", "é".encode()) + FIELD % (b"classifiers", b"a") + FIELD % (b"classifiers", b"b")
    content += FILE % (b"content", b"x-1.tar.gz", b"bytes\r\n--edg") + FIELD % (b"version", b"") + END
    with read(content) as form:
        assert (form.fields["name"], form.fields["version"]) == ("é", "")
        assert form.fields.getlist("classifiers") == ["a", "b"]
        assert form.blob is not None
        assert (form.filename, form.blob.size) == ("x-1.tar.gz", len(b"bytes\r\n--edg"))
        assert form.blob.finished().read_bytes() == b"bytes\r\n--edg"
    assert left_behind() == []


def test_only_the_first_file_in_the_right_field_is_taken() -> None:
    content = FILE % (b"gpg_signature", b"x.asc", b"signature" * 500) + FILE % (b"content", b"x-1.tar.gz", b"first")
    content += FILE % (b"content", b"y-1.tar.gz", b"second") + END
    with read(content) as form:
        assert form.blob is not None
        assert (form.filename, form.blob.size) == ("x-1.tar.gz", 5)
        assert not form.fields


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain", END),
        ("multipart/form-data", END),
        ("multipart/form-data; boundary=", END),
        (f"multipart/form-data; boundary={'e' * 201}", END),
        ("multipart/mixed; boundary=edge", END),
        (KIND, b""),
        (KIND, b"\x00" * 100_000),
        (KIND, FIELD % (b"name", b"no end")),
        (KIND, b"--edge\r\nContent-Disposition: form-data; name=x; " + b"y" * 100_000),
        (KIND, b"--edge\r\n" + b"X: y\r\n" * 100 + b"\r\nz\r\n" + END),
        (KIND, b"--edge\r\nno colon\r\n\r\nz\r\n" + END),
        (KIND, b"--edge\r\n\r\nz\r\n" + END),
    ],
)
def test_what_is_no_form_is_refused(kind: str, content: bytes) -> None:
    assert isinstance(refused(content, kind=kind), FormFaultyError)


def test_a_form_is_bounded_in_its_text_its_parts_and_its_file() -> None:
    text = FIELD % (b"description", b"x" * (FIELDS_LIMIT // 2))
    assert "beside its file" in str(refused(text * 2 + FIELD % (b"one", b"more") + END))
    assert isinstance(refused(FIELD % (b"n", b"v") * 10_001 + END), FormFaultyError)
    large = FIELD % (b"n", b"v") + FILE % (b"content", b"x-1.tar.gz", b"x" * 1001) + END
    assert isinstance(refused(large), FileTooLargeError)


def test_a_form_of_another_length_than_it_said_is_refused() -> None:
    content = FIELD % (b"name", b"value") + END
    assert isinstance(refused(content, length=len(content) - 10), FormFaultyError)


@given(st.binary(max_size=400), st.integers(0, 300))
def test_no_bytes_break_the_reading_of_a_form(noise: bytes, position: int) -> None:
    whole = FIELD % (b"name", b"value") + FILE % (b"content", b"x-1.tar.gz", b"bytes") + END
    try:
        with read(whole[:position] + noise + whole[position:]) as form:
            assert form.blob is None or form.blob.size <= 1000
    except UploadRefusedError:
        pass
    assert left_behind() == []
