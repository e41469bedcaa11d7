"""A holder signs: every draft for which a key of theirs is asked, told what changes; what is complete is published."""

from dataclasses import dataclass, field

from securesystemslib.signer import Signer

from indexsite_client.ceremony.documents import DELEGATORS, Document, is_signed, keys_in, who_signed
from indexsite_client.ceremony.errors import CeremonyPlanError, DraftError, NotExpectedError
from indexsite_client.ceremony.folder import Ceremony, Folder
from indexsite_client.ceremony.keys import KeyRecord, PublicKey
from indexsite_client.ceremony.sealing import Secrets
from indexsite_client.ceremony.signers import has_key_file, load_signer, sign_payload
from indexsite_client.protocol import OFFLINE_ROLES, ROOT, TARGETS, RoleKeys


@dataclass(frozen=True, slots=True)
class Requirement:
    """Keys of which enough must sign a document, and the document that says so."""

    by: Document
    keys: RoleKeys


@dataclass(frozen=True, slots=True)
class ToSign:
    """A draft, and the keys of one holder that are asked for it and have not signed it."""

    document: Document
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The private keys of one holder: where they lie, where that is not where their records say, and what opens them.

    A key that was replaced may be gone: it signs where it can be reached.
    """

    record: KeyRecord
    place: str
    former_place: str
    secrets: Secrets
    _opened: dict[str, Signer] = field(default_factory=dict)

    def reaches(self, key: PublicKey) -> bool:
        """Whether to sign with this key."""
        return key == self.record.current or bool(self.former_place) or has_key_file(key)

    def signer(self, key: PublicKey) -> Signer:
        """The signer of one of the keys, opened once."""
        if key.keyid not in self._opened:
            place = self.place if key == self.record.current else self.former_place
            self._opened[key.keyid] = load_signer(key, place=place, secrets=self.secrets)
        return self._opened[key.keyid]


def requirements(ceremony: Ceremony, document: Document) -> list[Requirement]:
    """What a document must satisfy before clients take it: for root, itself and the root before it."""
    if document.role != ROOT:
        delegator = ceremony.current(DELEGATORS[document.role])
        if delegator is None:
            raise DraftError(f"{document.filename} has no delegator yet; draft {DELEGATORS[document.role]} first.")
        return [Requirement(delegator, keys_in(delegator, document.role))]
    delegators = [document, *filter(None, [ceremony.root_before()])]
    return [Requirement(each, keys_in(each, ROOT)) for each in delegators]


def to_sign(ceremony: Ceremony, holder: str) -> list[ToSign]:
    """What waits for this holder, root first; raises CeremonyPlanError where they hold no key."""
    record = ceremony.records.get(holder)
    if record is None:
        raise CeremonyPlanError(f"{holder[:80]!r} has no key here; holders are {', '.join(ceremony.plan.holders)}.")
    waiting = []
    for role in OFFLINE_ROLES:
        if document := ceremony.drafts.get(role):
            asked: dict[str, None] = {}
            for each in requirements(ceremony, document):
                signed = who_signed(document, each.keys)
                if len(signed) < each.keys.threshold:
                    asked |= dict.fromkeys(each.keys.keys.keys() - signed)
            keys = tuple(key for key in record.all() if key.keyid in asked)
            keys += _former_keys(ceremony, document, record)
            if keys:
                waiting.append(ToSign(document, keys))
    return waiting


def _former_keys(ceremony: Ceremony, document: Document, record: KeyRecord) -> tuple[PublicKey, ...]:
    """Keys of this holder that the root before names for targets, where a new root replaces them and they are at hand.

    A targets that they sign too is taken by clients of either root, so that none fails while the new root comes.
    """
    root, newest = ceremony.current(ROOT), ceremony.newest(document.role)
    older = ceremony.published.get(ROOT, ())[: None if ROOT in ceremony.drafts else -1]
    if document.role != TARGETS or not older or older[-1].is_development or root is None or newest is None:
        return ()
    if is_signed(newest, keys_in(root, TARGETS)):
        return ()
    keys = keys_in(older[-1], TARGETS)
    lacking = keys.keys.keys() - who_signed(document, keys)
    return tuple(key for key in record.former if key.keyid in lacking and has_key_file(key))


def check_expected(waiting: list[ToSign], expected: list[str]) -> None:
    """Raise NotExpectedError unless exactly these are to be signed, by the SHA-256 of their signed part."""
    actual = {each.document.payload_sha256: each.document.filename for each in waiting}
    wanted = {each.strip().lower() for each in expected}
    if unexpected := [f"{name} ({sha256})" for sha256, name in actual.items() if sha256 not in wanted]:
        raise NotExpectedError(f"Nothing is signed: --expect does not name {', '.join(unexpected)}. Look at it first.")
    if absent := wanted - actual.keys():
        raise NotExpectedError(f"Nothing is signed: no draft that waits for you has the sha256 {min(absent)[:80]}.")


def add_signatures(folder: Folder, each: ToSign, keyring: Keyring) -> Document:
    """Sign one draft and write it; raises what `load_signer` does."""
    document = each.document
    for key in filter(keyring.reaches, each.keys):
        document = document.with_signature(sign_payload(keyring.signer(key), document.payload))
    folder.write_draft(document)
    return document


def publish_complete(folder: Folder) -> list[Document]:
    """Make documents of the drafts that are signed enough, each after the one that names its keys."""
    done: list[Document] = []
    for role in OFFLINE_ROLES:
        ceremony = folder.load()
        document = ceremony.drafts.get(role)
        if document is None or (role != ROOT and DELEGATORS[role] in ceremony.drafts):
            continue
        if all(is_signed(document, each.keys) for each in requirements(ceremony, document)):
            folder.publish(document)
            done.append(document)
    return done
