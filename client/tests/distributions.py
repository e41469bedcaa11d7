"""Tiny wheels and sdists that real installers accept."""

import base64
import hashlib
import io
import tarfile
import zipfile

from client.tests.index_simulator import Blob, blob


def wheel(name: str, version: str = "1.0", *, requires: tuple[str, ...] = (), says: str = "hello") -> Blob:
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = _metadata(name, version, requires)
    contents = {
        f"{module}.py": f"SAYS = {says!r}\n".encode(),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_urlsafe(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in contents.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 2, 3, 4, 6)), data)
    return blob(f"{module}-{version}-py3-none-any.whl", stream.getvalue(), metadata)


def sdist(name: str, version: str = "1.0", *, backend: str) -> Blob:
    """An sdist with a build backend of its own inside the tree, so that building needs no other project."""
    root = f"{name}-{version}"
    metadata = _metadata(name, version, ())
    project = f'[project]\nname = "{name}"\nversion = "{version}"\n'
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    contents = {"PKG-INFO": metadata, "pyproject.toml": (project + build).encode(), "backend.py": backend.encode()}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, data in contents.items():
            member = tarfile.TarInfo(f"{root}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return blob(f"{root}.tar.gz", stream.getvalue(), metadata)


def _metadata(name: str, version: str, requires: tuple[str, ...]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), "", ""]).encode()


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
