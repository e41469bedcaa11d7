"""What changes between two versions of an offline role, in plain words. Pure; nothing that changes goes unsaid."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from indexsite_client.ceremony.documents import Document
from indexsite_client.protocol import EXTENSION, HOLDERS, ROOT, Json

Name = Callable[[str], str]  # of a key, for people, by its id
_DAY = timedelta(days=1)
_TOLD = {"version", "expires", "keys", "roles", "delegations", EXTENSION}
_TOLD_OF_A_ROLE = {"name", "keyids", "threshold"}


def describe_changes(document: Document, before: Document | None, *, name: Name, now: datetime) -> list[str]:
    """Sentences for whoever is asked to sign. A first version is compared with nothing."""
    lines = [_say_version(document, before)]
    if document.role == ROOT and before is not None and before.is_development and not document.is_development:
        lines.append("A new chain of trust begins: clients of the development root never follow it, pin it anew there.")
    lines.append(_say_expiry(document, before, now))
    lines += _say_extension(document, before)
    lines += _say_holders(_holders_in(document), _holders_in(before) if before else {}, name)
    lines += _say_roles(_roles_of(document), _roles_of(before) if before else {}, name)
    lines += _say_other_keys(document, before)
    old = before.signed if before else {}
    for field in sorted((document.signed.keys() | old.keys()) - _TOLD):
        if document.signed.get(field) != old.get(field) and (before or field not in {"_type", "spec_version"}):
            lines.append(_say_field(field, document.signed.get(field), before))
    return lines


def _say_version(document: Document, before: Document | None) -> str:
    if before is None:
        return f"{document.role}: version {document.version}, the first."
    return f"{document.role}: version {document.version} after {before.version}."


def _say_expiry(document: Document, before: Document | None, now: datetime) -> str:
    was = f" (the last one: {before.expires:%Y-%m-%d %H:%M:%S})" if before else ""
    return f"Expires {document.expires:%Y-%m-%d %H:%M:%S} UTC, in {round((document.expires - now) / _DAY)} days{was}."


def _say_extension(document: Document, before: Document | None) -> Iterator[str]:
    said = _extension_of(document)
    if before is None:
        yield f"Index {said.get('index')}."
    elif said != _extension_of(before):
        yield f"{EXTENSION}: {_show(said)} (before: {_show(_extension_of(before))})."


def _extension_of(document: Document) -> Json:
    """Without the names of holders, of which more is said."""
    return {field: value for field, value in document.signed[EXTENSION].items() if field != HOLDERS}


def _holders_in(document: Document) -> Json:
    named: Json = document.signed[EXTENSION].get(HOLDERS) or {}
    return named


def _say_holders(named: Json, before: Json, name: Name) -> Iterator[str]:
    """What everybody can read of whose key is which, beside whose it is by the folder."""
    for keyid, said in named.items():
        if before.get(keyid) != said:
            was = f", no more as {_show(before[keyid])}" if keyid in before else ""
            yield f"The key of {name(keyid)} is named in public as that of {_show(said)}{was}."
    for keyid in before.keys() - named.keys():
        yield f"The key of {name(keyid)} is named in public no more."


def _roles_of(document: Document) -> dict[str, Json]:
    """What a document says of the roles that it names keys for, by name and in its order."""
    if document.role == ROOT:
        return dict(document.signed["roles"])
    delegations = document.signed.get("delegations") or {}
    roles = {each["name"]: each for each in delegations.get("roles") or []}
    succinct = delegations.get("succinct_roles")
    return roles | ({"the bins": succinct} if succinct else {})


def _say_roles(roles: dict[str, Json], old: dict[str, Json], name: Name) -> Iterator[str]:
    for role, entry in roles.items():
        known = old.get(role)
        if known is None:
            keys = ", ".join(name(keyid) for keyid in entry["keyids"])
            yield f"{role}: {entry['threshold']} of {len(entry['keyids'])} must sign: {keys}.{_rest(entry)}"
        elif known != entry:
            yield from _say_role_change(role, entry, known, name)
    for role in old.keys() - roles.keys():
        yield f"{role}: is delegated no more."
    if list(old) != [role for role in roles if role in old] and old.keys() <= roles.keys():
        yield f"Order of the roles: {', '.join(roles)}."


def _say_role_change(role: str, entry: Json, known: Json, name: Name) -> Iterator[str]:
    if entry["threshold"] != known["threshold"]:
        yield f"{role}: the threshold becomes {entry['threshold']}, from {known['threshold']}."
    before = len(known["keyids"])
    for keyid in entry["keyids"]:
        if keyid not in known["keyids"]:
            yield f"{role}: new key, {name(keyid)}."
    for keyid in known["keyids"]:
        if keyid not in entry["keyids"]:
            yield f"{role}: no more, {name(keyid)}."
    if len(entry["keyids"]) != before:
        yield f"{role}: {entry['threshold']} of {len(entry['keyids'])} must sign."
    for field in sorted((entry.keys() | known.keys()) - _TOLD_OF_A_ROLE):
        if entry.get(field) != known.get(field):
            yield f"{role}: {field} becomes {_show(entry.get(field))}, from {_show(known.get(field))}."
    if sorted(entry["keyids"]) == sorted(known["keyids"]) and entry["keyids"] != known["keyids"]:
        yield f"{role}: its keys stand in another order."


def _say_other_keys(document: Document, before: Document | None) -> Iterator[str]:
    """Keys that no role uses, and fields of delegations that are none of ours: neither should be there."""
    for each, where in ((document, "There is"), (before, "Before there was")):
        if each is None:
            continue
        used = {keyid for entry in _roles_of(each).values() for keyid in entry["keyids"]}
        place = each.signed if each.role == ROOT else each.signed.get("delegations") or {}
        for keyid in sorted(place.get("keys", {}).keys() - used):
            yield f"{where} a key that no role uses: {keyid[:8]}."
        if each.role != ROOT:
            for field in sorted(place.keys() - {"keys", "roles", "succinct_roles"}):
                yield f"{where} {field} among the delegations: {_show(place[field])}."


def _rest(entry: Json) -> str:
    rest = {field: value for field, value in entry.items() if field not in _TOLD_OF_A_ROLE}
    said = [f"{1 << rest['bit_length']} bins"] if isinstance(rest.get("bit_length"), int) else []
    return f" {', '.join([*said, *(f'{field} {_show(value)}' for field, value in rest.items())])}." if rest else ""


def _say_field(field: str, value: object, before: Document | None) -> str:
    if before is None and (field, value) == ("targets", {}):
        return "It lists no files itself."
    was = f" (before: {_show(before.signed.get(field))})" if before else ""
    return f"{field}: {_show(value)}{was}."


def _show(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)[:500]
