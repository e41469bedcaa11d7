"""The names of TUF roles, and the one shape that the delegations of an index may have (DESIGN section 4)."""

import re
from typing import cast

from indexsite_client.protocol.bins import is_bin, read_bins
from indexsite_client.protocol.names import NormalizedName, ProtocolError, is_normalized_name
from indexsite_client.protocol.page import Json

CLAIMED, RECENTLY_CLAIMED, UNCLAIMED = "claimed", "recently-claimed", "unclaimed"
TARGETS_DELEGATIONS = (CLAIMED, RECENTLY_CLAIMED, UNCLAIMED)  # in this order, each for "*/*", none terminating
EXTENSION = "x-indexsite"  # in each signed part: {"index": id, "role": name}, and in root {"development": bool} too

_LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ShapeError(ProtocolError):
    """A document that no index of ours writes: it delegates or lists what its role may not."""


def project_role(project: NormalizedName) -> str:
    """The role of a claimed project. The prefix keeps names like `root` or `snapshot` out of TUF's own."""
    return f"project-{project}"


def delegated_roles(signed: Json) -> tuple[str, ...]:
    """The names of the roles that a targets document delegates to one by one, succinct bins not counted."""
    return tuple(role["name"] for role in _delegations(signed).get("roles") or ())


def check_shape(role: str, signed: Json, *, index_id: str) -> None:
    """Raise ShapeError unless a targets document of this role, in this index, has the one shape it may have.

    The shape is DESIGN section 4: TUF leaves a repository free to delegate anything to anybody; we do not.
    """
    try:
        said = signed[EXTENSION]
        if said["index"] != index_id or said["role"] != role:
            raise ShapeError(f"The document says it is {said['role']!r} of another index or role, not {role!r}.")
        _check_targets(role, signed)
        _check_delegations(role, signed)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ShapeError(f"The document of role {role!r} is malformed: {error!r}") from error


def _delegations(signed: Json) -> Json:
    return cast(Json, signed.get("delegations") or {})


def _check_targets(role: str, signed: Json) -> None:
    paths = signed["targets"]
    _require(isinstance(paths, dict), role, "has targets that are no object")
    if is_bin(role):
        for path in paths:
            project, _, rest = path.partition("/")
            _require(is_normalized_name(project) and rest and "/" not in rest, role, f"lists the target {path[:80]!r}")
    elif role.startswith("project-"):
        prefix = role.removeprefix("project-").partition(".")[0] + "/"
        for path in paths:
            _require(path.startswith(prefix) and path.count("/") == 1, role, f"lists the target {path[:80]!r}")
    else:
        _require(not paths, role, "lists targets of its own")


def _check_delegations(role: str, signed: Json) -> None:
    delegations = _delegations(signed)
    roles = delegations.get("roles") or []
    if role == UNCLAIMED:
        _check_bins(signed)
        return
    _require("succinct_roles" not in delegations, role, "delegates to succinct bins")
    _require(len({each["name"] for each in roles}) == len(roles), role, "delegates to one name twice")
    if role == "targets":
        _require(tuple(each["name"] for each in roles) == TARGETS_DELEGATIONS, role, "delegates to unexpected roles")
    elif role == CLAIMED:
        _check_prefix_order(roles)
    for each in roles:
        path, terminating = _expected_delegation(role, each["name"])
        matches = each.get("paths") == [path] and "path_hash_prefixes" not in each
        _require(matches and each["terminating"] is terminating, role, f"delegates wrongly to {each['name'][:80]!r}")


def _expected_delegation(role: str, child: str) -> tuple[str, bool]:
    """The one path pattern and the terminating flag with which `role` may delegate to `child`."""
    if role == "targets":
        return "*/*", False
    if role == CLAIMED and (prefix := _prefix_of(child)):
        return f"{prefix}*/*", False
    name = child.removeprefix("project-")
    if child.startswith("project-"):
        prefix = _prefix_of(role) if role.startswith("claimed-") else ""
        if role == RECENTLY_CLAIMED or prefix:
            _require(is_normalized_name(name) and name.startswith(prefix), role, f"delegates to {child[:80]!r}")
            return f"{name}/*", True
        owner, _, label = name.partition(".")
        if role == f"project-{owner}" and is_normalized_name(owner) and _LABEL.fullmatch(label):
            return f"{owner}/*", False
    raise ShapeError(f"The role {role!r} delegates to {child[:80]!r}, which is not its to delegate.")


def _prefix_of(role: str) -> str:
    prefix = role.removeprefix("claimed-") if role.startswith("claimed-") else ""
    return prefix if re.fullmatch(r"[a-z0-9][a-z0-9-]*", prefix) else ""


def _check_prefix_order(roles: list[Json]) -> None:
    """A longer prefix stands before each shorter one that it begins with, or it would never be asked."""
    names = [_prefix_of(each["name"]) for each in roles]
    for position, shorter in enumerate(names):
        late = [name for name in names[position + 1 :] if name.startswith(shorter)]
        _require(not late, CLAIMED, f"delegates {shorter!r} before the longer prefix {late[:1]!r}")


def _check_bins(unclaimed: Json) -> None:
    try:
        read_bins(unclaimed)
    except ProtocolError as error:
        raise ShapeError(f"The role {UNCLAIMED!r} delegates to bins of a wrong shape: {error}") from error


def _require(fact: object, role: str, fault: str) -> None:
    if not fact:
        raise ShapeError(f"The role {role!r} {fault}, which the shape of an index does not allow.")
