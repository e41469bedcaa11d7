"""The public keys of a ceremony, `keys/<holder>.json`: whose each is, and where its private part lies."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Key, SSlibKey

from indexsite_client.ceremony.errors import CeremonyFolderError, KeyRefusedError, KeyTwiceError
from indexsite_client.protocol import Json, key_id

FILE = "file:"  # the URI of an encrypted key file; the rest are signer URIs of securesystemslib
SCHEMES = (FILE, "hsm:", "awskms:", "gcpkms:", "azurekms:", "hv:")
ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in TUF's JSON form, and the URI of its private part as its holder names it."""

    key: Json
    uri: str

    @property
    def keyid(self) -> str:
        """Computed from the key, never believed."""
        return key_id(self.key)

    def to_tuf(self) -> Key:
        """As python-tuf verifies with it."""
        return read_key(self.keyid, self.key)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The key of one holder, and those that it replaced: a new root is signed with them too."""

    holder: str
    current: PublicKey
    former: tuple[PublicKey, ...] = ()

    def all(self) -> tuple[PublicKey, ...]:
        """The current one first."""
        return (self.current, *self.former)

    def replaced_by(self, key: PublicKey) -> "KeyRecord":
        """The record with a new key."""
        return KeyRecord(self.holder, key, self.all())

    def write(self) -> bytes:
        """The file."""
        said = {"holder": self.holder, **_to_json(self.current), "former": [_to_json(each) for each in self.former]}
        return json.dumps(said, indent=2).encode() + b"\n"


def read_record(data: bytes) -> KeyRecord:
    """Read a key file of the folder; raises CeremonyFolderError or KeyRefusedError."""
    try:
        said = json.loads(data)
        record = KeyRecord(str(said["holder"]), _from_json(said), tuple(_from_json(each) for each in said["former"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CeremonyFolderError(f"It is no public key of a holder ({error!r}).") from error
    return record


def read_key(keyid: str, key: Json) -> Key:
    """The key as python-tuf has it; raises KeyRefusedError where its id or form is not the one that it must have.

    One form, so that one key has one id.
    """
    try:
        read = Key.from_dict(keyid, {**key, "keyval": dict(key["keyval"])})
        public, scheme = key["keyval"]["public"], key["scheme"]
        if key["keytype"] == ED25519:
            is_canonical = len(bytes.fromhex(public)) == 32 and public == public.lower()
        else:
            is_canonical = _in_one_form(public, scheme) == key
        is_plain = set(key) == {"keytype", "scheme", "keyval"} and set(key["keyval"]) == {"public"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRefusedError(f"The key {keyid[:8]} is of no kind that clients verify with: {error!r}.") from error
    if not (is_canonical and is_plain) or keyid != key_id(key):
        raise KeyRefusedError(f"The key {keyid[:8]} is not in the one form, under the one id, that a key has.")
    return read


def check_distinct(records: Iterable[KeyRecord]) -> None:
    """Raise KeyTwiceError where two holders have one key, whatever its id."""
    owners: dict[str, str] = {}
    for record in records:
        for each in record.all():
            owner = owners.setdefault(material(each.key), record.holder)
            if owner != record.holder:
                raise KeyTwiceError(
                    f"{owner} and {record.holder} have the same key {each.keyid[:8]}: each needs a key of their own, or"
                    " a threshold would count one person twice."
                )


def material(key: Json) -> str:
    """What makes two keys the same, whatever their scheme says."""
    return "".join(str(key["keyval"]["public"]).split())


def check_uri(uri: str) -> str:
    """The URI, if it is of a kind that the ceremony can sign with; raises KeyRefusedError."""
    if not uri.startswith(SCHEMES):
        raise KeyRefusedError(f"{uri.partition(':')[0][:20]!r} is no kind of key: take one of {', '.join(SCHEMES)}.")
    return uri


def names_of(records: Iterable[KeyRecord]) -> dict[str, str]:
    """What people call each key, by its id."""
    known = list(records)
    former = ((key.keyid, f"{each.holder} (former key)") for each in known for key in each.former)
    return dict(chain(former, ((each.current.keyid, each.holder) for each in known)))


def _in_one_form(pem: str, scheme: str) -> Json:
    said: Json = SSlibKey.from_crypto(load_pem_public_key(pem.encode()), scheme=scheme).to_dict()
    return said


def _to_json(key: PublicKey) -> Json:
    return {"keyid": key.keyid, "key": key.key, "uri": key.uri}


def _from_json(said: Json) -> PublicKey:
    read_key(said["keyid"], said["key"])
    return PublicKey(said["key"], check_uri(str(said["uri"])))
