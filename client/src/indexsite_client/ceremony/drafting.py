"""What the next versions say: from the plan, the keys and what is published to the drafts that are needed. Pure.

A role gets a next version where none is published, where it would say something else, where the keys that are asked
for it now did not sign the last one, where its end is near, or where somebody asks for it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from securesystemslib.signer import Signer

from indexsite_client.ceremony.documents import DELEGATORS, Document, check_document, is_signed, keys_in
from indexsite_client.ceremony.errors import DraftError, MissingKeysError
from indexsite_client.ceremony.folder import Ceremony
from indexsite_client.ceremony.plan import ONLINE
from indexsite_client.protocol import (
    BIN_PREFIX,
    CLAIMED,
    RECENTLY_CLAIMED,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    UNCLAIMED,
    Json,
    RoleHeader,
    RoleKeys,
    name_holders,
    offline_signed,
)

_ORDER = (CLAIMED, UNCLAIMED, TARGETS, ROOT)  # each before the role that names its keys
_ONLINE_ROLES = (TIMESTAMP, SNAPSHOT, RECENTLY_CLAIMED, BIN_PREFIX)
_NEAR = 3  # the last third of a role's life is near its end


@dataclass(frozen=True, slots=True)
class Wish:
    """What to draft: roles whose turn it is not yet too, and whether drafts that people signed may be thrown away."""

    now: datetime
    renew: Collection[str] = ()
    anew: bool = False


@dataclass(slots=True)
class Drafting:
    """Works out the next versions: `drafts` are to be written, root first, and `stale` ones to be thrown away."""

    ceremony: Ceremony
    wish: Wish
    make_signer: Callable[[], Signer]  # of a key for one signing, where a role's keys are discarded
    sign: Callable[[Signer, bytes], Json]
    drafts: list[Document] = field(default_factory=list)
    stale: list[Document] = field(default_factory=list)
    _keys: dict[str, RoleKeys] = field(default_factory=dict)

    def run(self) -> "Drafting":
        """Raises MissingKeysError or DraftError, and then nothing is to be written."""
        plan, records = self.ceremony.plan, self.ceremony.records
        if missing := [holder for holder in (ONLINE, *plan.holders) if holder not in records]:
            commands = [f"--holder {holder}" if holder != ONLINE else "--online" for holder in missing]
            raise MissingKeysError(
                f"Keys are missing: {', '.join(missing)}. Each runs `indexsite ceremony key FOLDER {commands[0]}` and "
                "the like, on this folder or on a copy that is merged."
            )
        self._keys.update(dict.fromkeys(_ONLINE_ROLES, self._of_holders([ONLINE], 1)))
        for role in _ORDER:
            self._draft(role)
        self.drafts.reverse()
        return self

    def _draft(self, role: str) -> None:
        newest, draft = self.ceremony.newest(role), self.ceremony.drafts.get(role)
        goes_on = draft is not None and not self.wish.anew
        planned = self.ceremony.plan.roles[role]
        if not planned.discarded:
            self._keys[role] = self._of_holders(planned.holders, planned.threshold)
        elif known := self._discarded_keys(role, goes_on=goes_on):
            self._keys[role] = known
        candidate = self._candidate(role)
        if goes_on and draft and draft.says_the_same(candidate) and draft.expires > self.wish.now:
            return
        if draft is not None:
            self._throw_away(draft)
        if newest is not None and not self._is_due(newest, candidate):
            return
        if planned.discarded:
            signer = self.make_signer()
            self._keys[role] = RoleKeys({signer.public_key.keyid: signer.public_key.to_dict()}, 1)
            candidate = candidate.with_signature(self.sign(signer, candidate.payload))
        check_document(candidate)
        self.drafts.append(candidate)

    def _candidate(self, role: str) -> Document:
        plan, newest = self.ceremony.plan, self.ceremony.newest(role)
        expires = self.wish.now.replace(microsecond=0) + timedelta(days=plan.roles[role].days)
        header = RoleHeader(role, newest.version + 1 if newest else 1, expires, plan.index_id)
        signed = offline_signed(header, self._keys, bins=plan.bins, development=False)
        if role == CLAIMED and newest is not None:
            signed["delegations"] = self._kept_claims(newest)
        if role == ROOT and plan.names:
            name_holders(signed, {self.ceremony.records[each].current.keyid: each for each in plan.holders})
        return Document(signed)

    def _is_due(self, newest: Document, candidate: Document) -> bool:
        role = newest.role
        life = timedelta(days=self.ceremony.plan.roles[role].days)
        is_near = newest.expires - self.wish.now <= life / _NEAR
        if role in self.wish.renew or is_near or not newest.says_the_same(candidate):
            return True
        return not is_signed(newest, self._keys[role])

    def _discarded_keys(self, role: str, *, goes_on: bool) -> RoleKeys | None:
        """The key that signed the version which is there, as its delegator names it; None where none is there."""
        delegator = DELEGATORS[role]
        if goes_on:
            known = self.ceremony.current(delegator)
        else:
            known = self.ceremony.newest(delegator) if self.ceremony.newest(role) else None
        return keys_in(known, role) if known else None

    def _kept_claims(self, newest: Document) -> Json:
        """Delegations of claimed projects go on; with other keys their documents would have to be signed anew."""
        delegations: Json = newest.signed.get("delegations") or {"keys": {}, "roles": []}
        wanted = self._keys.get(CLAIMED)
        if delegations["roles"] and wanted and any(set(e["keyids"]) != set(wanted.keys) for e in delegations["roles"]):
            raise DraftError(
                "claimed delegates to roles with the same keys, which have to change with it; this version of the"
                " ceremony cannot do that, so keep the holders and keys of claimed."
            )
        return delegations

    def _of_holders(self, holders: Sequence[str], threshold: int) -> RoleKeys:
        current = [self.ceremony.records[holder].current for holder in holders]
        return RoleKeys({key.keyid: key.key for key in current}, threshold)

    def _throw_away(self, draft: Document) -> None:
        is_signed_by_people = draft.signatures and not self.ceremony.plan.roles[draft.role].discarded
        if is_signed_by_people and not self.wish.anew:
            raise DraftError(
                f"{draft.filename} would change, but people have signed it: let it be finished first, or throw it"
                " away with --anew."
            )
        self.stale.append(draft)
