"""The file that says which Sigstore instance is believed. Pure but for reading it."""

import json
from pathlib import Path

_KIND = "application/vnd.dev.sigstore.trustedroot"


def check_trusted_root(path: Path) -> None:
    """Raise ValueError, with what to do, unless the file looks like a trusted root of Sigstore."""
    try:
        said = json.loads(path.expanduser().read_bytes())
        is_one = str(said["mediaType"]).startswith(_KIND) and said["certificateAuthorities"] and said["tlogs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a trusted root of Sigstore ({type(error).__name__})") from None
    if not is_one:
        raise ValueError(f"{path} is no trusted root of Sigstore; give its trusted_root.json")
