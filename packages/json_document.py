"""The documents of `/pypi/<name>/json`, in the shape that PyPI gives them. Pure.

What this index does not know is null: md5 digests, downloads (-1) and signatures are PyPI's past.
"""

from datetime import UTC
from typing import Any, TypeAlias
from urllib.parse import quote

from packages.about import ReleaseAbout
from packages.shelves import ProjectShelf, ShelvedFile, ShelvedRelease
from packages.web_addresses import is_web_address

Json: TypeAlias = dict[str, Any]  # Any: JSON
_TEXTS = ("author", "author_email", "maintainer", "maintainer_email", "license", "license_expression")
_LISTS = ("license_files", "provides_extra", "requires_dist", "dynamic")


def release_document(
    shelf: ProjectShelf, release: ShelvedRelease, about: ReleaseAbout | None, *, address: str, serial: int
) -> Json:
    """Of one release; `address` is the index's own, without a slash at its end."""
    return {
        "info": _info(shelf, release, about, address),
        "last_serial": serial,
        "urls": [_file(file, address) for file in release.files],
        "vulnerabilities": [],
    }


def project_document(
    shelf: ProjectShelf, latest: ShelvedRelease, about: ReleaseAbout | None, *, address: str, serial: int
) -> Json:
    """Of a project: its latest release, and the files of all of them."""
    document = release_document(shelf, latest, about, address=address, serial=serial)
    document["releases"] = {
        each.version: [_file(file, address) for file in each.files] for each in reversed(shelf.releases)
    }
    return document


def _info(shelf: ProjectShelf, release: ShelvedRelease, about: ReleaseAbout | None, address: str) -> Json:
    metadata = about.metadata if about else {}
    page = f"{address}/project/{shelf.name}/"
    keywords = ",".join(metadata.get("keywords") or ())
    return {
        "name": shelf.display_name,
        "version": release.version,
        "summary": release.summary,
        "description": about.text if about else "",
        "description_content_type": metadata.get("description_content_type") or None,
        "keywords": keywords or None,
        "classifiers": list(metadata.get("classifiers") or ()),
        **{name: metadata.get(name) or None for name in _TEXTS + _LISTS},
        "home_page": _web_address(metadata.get("home_page")),
        "download_url": _web_address(metadata.get("download_url")),
        "project_urls": (about.project_urls if about else None) or None,
        "platform": ",".join(metadata.get("platforms") or ()) or None,
        "requires_python": release.requires_python or None,
        "package_url": page,
        "project_url": page,
        "release_url": f"{page}{quote(release.version)}/",
        "docs_url": None,
        "bugtrack_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        **_yank_of_release(release),
    }


def _file(file: ShelvedFile, address: str) -> Json:
    uploaded_at = file.uploaded_at.astimezone(UTC).replace(tzinfo=None)
    return {
        "filename": file.filename,
        "packagetype": "bdist_wheel" if file.is_wheel else "sdist",
        "python_version": file.filename.split("-")[-3] if file.is_wheel else "source",
        "url": f"{address}/files/{file.sha256}/{quote(file.filename)}",
        "digests": {"sha256": file.sha256},
        "md5_digest": None,
        "size": file.size,
        "upload_time": uploaded_at.isoformat(timespec="seconds"),
        "upload_time_iso_8601": f"{uploaded_at.isoformat(timespec='microseconds')}Z",
        "requires_python": file.requires_python or None,
        "comment_text": None,
        "downloads": -1,
        "has_sig": False,
        **_yank(file),
    }


def _yank(file: ShelvedFile) -> Json:
    """Whether a file is yanked (PEP 592), and why."""
    return {"yanked": file.yanked is not None, "yanked_reason": file.yanked or None}


def _yank_of_release(release: ShelvedRelease) -> Json:
    """A release is yanked once all its files are, for the reason of the first."""
    return {"yanked": release.is_yanked, "yanked_reason": release.yanked or None}


def _web_address(url: str | None) -> str | None:
    return url if url and is_web_address(url) else None
