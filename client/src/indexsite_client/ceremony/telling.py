"""Where a ceremony stands, in words: who signed, who is missing, what expires, what is next; and what goes on paper."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from indexsite_client.ceremony.documents import DELEGATORS, Document, is_signed, keys_in, who_signed
from indexsite_client.ceremony.drafting import Drafting, Wish
from indexsite_client.ceremony.errors import CeremonyError, DraftError
from indexsite_client.ceremony.folder import Ceremony
from indexsite_client.ceremony.keys import ED25519
from indexsite_client.ceremony.plan import ONLINE
from indexsite_client.ceremony.signers import one_time_signer, sign_payload
from indexsite_client.ceremony.signing import requirements, to_sign
from indexsite_client.protocol import OFFLINE_ROLES, ROOT, TARGETS, UNCLAIMED

_SOON = 30  # days before the end
_COSTS = {
    UNCLAIMED: "each yearly renewal and each change of the number of bins",
    TARGETS: "each yearly renewal and each change of the keys of claimed, unclaimed or the online roles",
    "claimed": "each renewal, every 90 days, and each change of claimed projects",
}


def describe_status(ceremony: Ceremony, *, now: datetime) -> list[str]:
    """The whole state, line by line; what to do next stands last."""
    plan = ceremony.plan
    lines = [f"Index {plan.index_id}, {plan.bins}."]
    lines += ["", "Keys"]
    for holder in (ONLINE, *plan.holders):
        record = ceremony.records.get(holder)
        roles = "every online role" if holder == ONLINE else ", ".join(plan.roles_of(holder))
        told = f"{record.current.keyid[:8]}  {record.current.uri}" if record else "missing"
        lines.append(f"  {holder:<12} {told}  ({roles})")
    lines += ["", "Roles"]
    for role in OFFLINE_ROLES:
        lines += _describe_role(ceremony, role, now)
    return [*lines, "", "Next", *(f"  {each}" for each in what_next(ceremony, now=now))]


def what_next(ceremony: Ceremony, *, now: datetime) -> list[str]:
    """What somebody has to do."""
    missing = [each for each in (ONLINE, *ceremony.plan.holders) if each not in ceremony.records]
    if missing:
        return [f"Make or import the key of {each}: indexsite ceremony key FOLDER {_option(each)}" for each in missing]
    if ceremony.drafts:
        waiting = {holder: to_sign(ceremony, holder) for holder in ceremony.records if holder != ONLINE}
        return [
            f"{holder} can sign {', '.join(each.document.filename for each in documents)}: "
            f"indexsite ceremony sign FOLDER --as {holder}"
            for holder, documents in waiting.items()
            if documents
        ]
    try:
        to_draft = Drafting(ceremony, Wish(now), one_time_signer, sign_payload).run().drafts
    except DraftError as error:
        return [str(error)]
    if to_draft:
        named = ", ".join(each.filename for each in to_draft)
        return [f"{named} should come next, so draft: indexsite ceremony draft FOLDER"]
    return ["Nothing. Give metadata/ to the index, and keep a copy of this folder."]


def describe_hashes(ceremony: Ceremony) -> list[str]:
    """What to keep on paper: the fingerprint that clients pin, the hash of each newest document, and each key's id."""
    lines = [f"Index {ceremony.plan.index_id}"]
    root = ceremony.newest(ROOT)
    if root is not None and not root.is_development:
        groups = [root.sha256[start : start + 4] for start in range(0, 64, 4)]
        lines += [f"Fingerprint of the root, {root.filename}, which clients pin:", f"  {' '.join(groups)}"]
    lines.append("Newest documents, SHA-256 of the file:")
    for role in OFFLINE_ROLES:
        if document := ceremony.newest(role):
            lines.append(f"  {document.sha256}  {document.filename}, until {document.expires:%Y-%m-%d}")
    lines.append("Keys, by their id:")
    lines += [f"  {record.current.keyid}  {holder}" for holder, record in sorted(ceremony.records.items())]
    return lines


def costs_of_discarding(roles: list[str]) -> list[str]:
    """What it costs later that a role's keys are thrown away."""
    return [
        f"The key of {role} is made in memory, signs once, and is gone: nobody can steal it, but {_COSTS[role]}"
        " becomes a root ceremony, with the threshold of root's holders together."
        for role in roles
    ]


def warn_of_key(keytype: str) -> str:
    """What is worth knowing of a kind of key; empty for Ed25519."""
    if keytype == ED25519:
        return ""
    return (
        f"This is a key of the type {keytype}: clients verify it only with compiled extensions"
        " (pip install 'indexsite-client[crypto]'); Ed25519 keys they verify everywhere."
    )


def _describe_role(ceremony: Ceremony, role: str, now: datetime) -> Iterator[str]:
    newest, planned = ceremony.newest(role), ceremony.plan.roles[role]
    if newest is None:
        yield f"  {role:<10} no version yet"
    else:
        kind = ", of the development ceremony" if _is_development(ceremony) else _fault(ceremony, newest)
        yield (
            f"  {role:<10} version {newest.version}, expires {newest.expires:%Y-%m-%d}"
            f" ({_in_days(newest.expires - now)}){kind}"
        )
    if planned.discarded:
        yield f"  {'':<10} its key is discarded after each signing"
    if draft := ceremony.drafts.get(role):
        for each in requirements(ceremony, draft):
            signed = who_signed(draft, each.keys)
            by = f" by the keys of {each.by.filename}" if role == ROOT and each.by is not draft else ""
            yield f"  {'':<10} draft {draft.filename}: {len(signed)} of {each.keys.threshold} signatures needed{by}"
            if signed:
                yield f"  {'':<12} signed: {', '.join(sorted(map(ceremony.name, signed)))}"
            if missing := each.keys.keys.keys() - signed:
                word = "missing" if len(signed) < each.keys.threshold else "not needed"
                yield f"  {'':<12} {word}: {', '.join(sorted(map(ceremony.name, missing)))}"


def _fault(ceremony: Ceremony, newest: Document) -> str:
    """Whether clients take the document from its delegator; a delegator that is drafted anew may change that."""
    delegator = newest if newest.role == ROOT else ceremony.newest(DELEGATORS[newest.role])
    try:
        taken = delegator is not None and is_signed(newest, keys_in(delegator, newest.role))
    except (CeremonyError, KeyError, ValueError):
        taken = False
    return "" if taken else ", NOT SIGNED as clients ask for it: draft it anew"


def _is_development(ceremony: Ceremony) -> bool:
    root = ceremony.newest(ROOT)
    return root is not None and root.is_development


def _option(holder: str) -> str:
    return "--online" if holder == ONLINE else f"--holder {holder}"


def _in_days(left: timedelta) -> str:
    if left <= timedelta():
        return "EXPIRED"
    return f"{round(left / timedelta(days=1))} days left" + (", SOON" if left.days <= _SOON else "")
