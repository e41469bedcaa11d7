"""Distributions made for tests: small, valid unless asked otherwise, the same bytes every time."""

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from email import message_from_bytes

_EPOCH = (2020, 1, 1, 0, 0, 0)


def metadata(name: str, version: str, extra: str = "") -> str:
    """The text of METADATA or PKG-INFO."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A test of {name}.\n{extra}\nText.\n"


def wheel(name: str, version: str, *, extra: str = "", members: Mapping[str, bytes] | None = None) -> tuple[str, bytes]:
    """The filename and the bytes of a pure wheel with one module that has the project's name."""
    module = name.replace("-", "_").replace(".", "_").lower()
    info = f"{module}-{version}.dist-info"
    contents: dict[str, bytes] = {
        f"{module}.py": f"VERSION = {version!r}\n".encode(),
        f"{info}/METADATA": metadata(name, version, extra).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(members or {}),
    }
    contents[f"{info}/RECORD"] = record(contents, info)
    return f"{module}-{version}-py3-none-any.whl", zip_of(contents)


def record(contents: Mapping[str, bytes], info: str) -> bytes:
    """RECORD of these files, right in every hash and size."""
    lines = [f"{path},{record_hash(content)},{len(content)}\n" for path, content in contents.items()]
    return "".join([*lines, f"{info}/RECORD,,\n"]).encode()


def record_hash(content: bytes, algorithm: str = "sha256") -> str:
    """A hash as RECORD spells it."""
    digest = urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
    return f"{algorithm}={digest}"


def sdist(name: str, version: str, *, extra: str = "", members: Mapping[str, bytes] | None = None) -> tuple[str, bytes]:
    """The filename and the bytes of an sdist that setuptools can build."""
    top = f"{name.replace('-', '_').replace('.', '_').lower()}-{version}"
    contents: dict[str, bytes] = {
        f"{top}/PKG-INFO": metadata(name, version, extra).encode(),
        f"{top}/pyproject.toml": f'[project]\nname = "{name}"\nversion = "{version}"\n'.encode(),
        **(members or {}),
    }
    return f"{top}.tar.gz", tar_gz_of(contents)


def zip_of(contents: Mapping[str, bytes]) -> bytes:
    """A zip archive with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), content)
    return buffer.getvalue()


def tar_gz_of(contents: Mapping[str, bytes]) -> bytes:
    """A gzipped tar archive with these members."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for path, content in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def announced_metadata(content: bytes) -> dict[str, list[str]]:
    """What twine's form says of a distribution's metadata beside name and version; nothing where it is unreadable."""
    try:
        headers = message_from_bytes(_metadata_in(content))
    except (OSError, EOFError, KeyError, StopIteration, tarfile.TarError, zipfile.BadZipFile, zlib.error):
        return {}
    names = ("Requires-Python", "Requires-Dist", "Requires-External", "Provides-Extra")
    return {name.lower().replace("-", "_"): [str(value) for value in headers.get_all(name, [])] for name in names}


def _metadata_in(content: bytes) -> bytes:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = ("METADATA", "PKG-INFO")
            return archive.read(next(path for path in archive.namelist() if path.rpartition("/")[2] in names))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = next(each for each in archive if each.name.count("/") == 1 and each.name.endswith("/PKG-INFO"))
        file = archive.extractfile(member)
        return file.read() if file else b""
