"""The shape guard: sees each document before TUF does, and refuses what no index of ours writes.

TUF clients trust role *names*: whoever may delegate anything can, in a wrong order of visits, put another key behind
the name of somebody else's role. So every document must have its role's one shape, and a role name has one delegator
in a session. Pure but for what it remembers of the session.
"""

import json
from collections.abc import Mapping
from typing import Any

from tuf.api.metadata import Metadata, Targets

from indexsite_client import protocol
from indexsite_client.errors import DevelopmentRootError, VerificationError
from indexsite_client.protocol import Json

_TOP_LEVEL = {"root", "timestamp", "snapshot"}


class ShapeGuard:
    """One session's guard. `inspect` raises VerificationError and its kin; it never judges signatures."""

    def __init__(self, *, index_id: str, development: bool) -> None:
        self._index_id = index_id
        self._development = development
        self._delegators: dict[str, str] = {}
        self._documents: dict[str, Targets] = {}

    def inspect(self, filename: str, data: bytes) -> None:
        """Check the document that was served under `<N>.<role>.json` or `timestamp.json`, and keep it."""
        role = filename.removesuffix(".json")
        number, dot, rest = role.partition(".")
        role = rest if dot and number.isdigit() else role
        self.check(role, data)
        if role not in _TOP_LEVEL:
            self._documents[role] = Metadata[Targets].from_bytes(data).signed

    def check(self, role: str, data: bytes) -> None:
        """As `inspect`, without keeping the document: a walk over every role must not hold them all."""
        signed = _read_signed(role, data)
        if role in _TOP_LEVEL:
            self._check_top_level(role, signed)
            return
        try:
            protocol.check_shape(role, signed, index_id=self._index_id)
        except protocol.ShapeError as error:
            raise VerificationError(f"{error} {_ADVICE}") from error
        self._register_delegations(role, signed)

    def voucher(self, target_path: str) -> str | None:
        """The role whose document is the first to list the target, in TUF's order of search.

        To be asked only after the Updater has found the same target: then every document on the way is verified.
        This repeats the Updater's walk over public classes, since the Updater does not say where it found a target.
        """
        return find_voucher(self._documents, target_path)

    def version_of(self, role: str) -> int:
        """The version of a role whose document was kept."""
        return int(self._documents[role].version)

    def targets_listed_with(self, role: str, prefix: str) -> set[str]:
        """The target paths below `prefix` that the role's own document lists."""
        return {path for path in self._documents[role].targets if path.startswith(prefix)}

    def _check_top_level(self, role: str, signed: Json) -> None:
        said = signed.get(protocol.EXTENSION)
        if not isinstance(said, dict) or said.get("index") != self._index_id or said.get("role") != role:
            raise VerificationError(f"The {role} document belongs to another index or role. {_ADVICE}")
        if role == "root" and said.get("development") is not self._development:
            pinned, offered = ("development", "real") if self._development else ("real", "development")
            raise DevelopmentRootError(
                f"The index now has a {offered} root, but a {pinned} one is pinned, which is never followed there; "
                "ask its administrator for the new fingerprint, then `indexsite trust URL --fingerprint ... --replace`."
            )

    def _register_delegations(self, role: str, signed: Json) -> None:
        for name in protocol.delegated_roles(signed):
            delegator = self._delegators.setdefault(name, role)
            if delegator != role:
                raise VerificationError(
                    f"The role {name!r} is delegated by {delegator!r} and by {role!r}, but a role has one delegator. "
                    + _ADVICE
                )


_ADVICE = "Nothing of it is used; tell the administrator of the index."


def find_voucher(documents: Mapping[str, Targets], target_path: str) -> str | None:
    """The first role in pre-order whose document lists the target (TUF specification 5.6.7)."""
    to_visit, visited = ["targets"], set()
    while to_visit:
        role = to_visit.pop()
        document = documents.get(role)
        if role in visited or document is None:
            continue
        visited.add(role)
        if target_path in document.targets:
            return role
        children: list[str] = []
        for name, terminating in document.delegations.get_roles_for_target(target_path) if document.delegations else ():
            children.append(name)
            if terminating:
                to_visit.clear()
                break
        to_visit.extend(reversed(children))
    return None


def _read_signed(role: str, data: bytes) -> Json:
    """The signed part of a document whose signatures nobody has checked yet."""
    try:
        document: Any = json.loads(data)  # Any: hostile JSON, looked at below
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"The document of role {role!r} is not JSON. {_ADVICE}") from error
    if not isinstance(document, dict) or not isinstance(document.get("signed"), dict):
        raise VerificationError(f"The document of role {role!r} is not TUF metadata. {_ADVICE}")
    signed: Json = document["signed"]
    return signed
