"""Whether a folder in an archive is named for its project and version, however both are spelled. Pure."""

from packaging.version import InvalidVersion, Version

from indexsite_client.protocol import DistributionFilename, ProtocolError, normalize_name

_LONGEST = 255


def is_named_for(named: DistributionFilename, folder: str) -> bool:
    """Whether a folder is called name-version, however the two are spelled."""
    place = folder.find("-")
    while 0 < place < _LONGEST:
        if _is_name(folder[:place], named) and _is_version(folder[place + 1 :], named):
            return True
        place = folder.find("-", place + 1)
    return False


def _is_name(text: str, named: DistributionFilename) -> bool:
    try:
        return normalize_name(text) == named.project
    except ProtocolError:
        return False


def _is_version(text: str, named: DistributionFilename) -> bool:
    if text == named.version_text:
        return True
    try:
        return len(text) < _LONGEST and Version(text.replace("_", "-")) == named.version
    except InvalidVersion:
        return False
