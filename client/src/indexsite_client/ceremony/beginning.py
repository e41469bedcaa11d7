"""The beginning of a ceremony: of a new index, or of one that a development ceremony has served until now."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from indexsite_client.ceremony.documents import Document
from indexsite_client.ceremony.errors import CeremonyFolderError
from indexsite_client.ceremony.folder import METADATA, PLAN, Folder
from indexsite_client.ceremony.plan import Plan, RolePlan, choose_bins
from indexsite_client.protocol import OFFLINE_ROLES, ROOT, UNCLAIMED, Bins, BinStyle, read_bins


@dataclass(frozen=True, slots=True)
class Choices:
    """What differs from the defaults, by role; None and empty mean the default."""

    holders: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, int]
    days: Mapping[str, int]
    discarded: frozenset[str] = frozenset()
    bins: int | None = None
    bin_style: BinStyle | None = None
    names: bool = True  # whether root says who holds which key

    def applied_to(self, roles: Mapping[str, RolePlan]) -> dict[str, RolePlan]:
        """These roles with the choices in them."""
        chosen = {}
        for role, planned in roles.items():
            discarded = role in self.discarded or (planned.discarded and role not in self.holders)
            holders = () if discarded else self.holders.get(role, planned.holders)
            threshold = 1 if discarded else self.thresholds.get(role, planned.threshold)
            chosen[role] = replace(
                planned,
                holders=holders,
                threshold=threshold,
                days=self.days.get(role, planned.days),
                discarded=discarded,
            )
        return chosen

    def bins_after(self, bins: Bins) -> Bins:
        """These bins with the choices in them; raises CeremonyPlanError."""
        return choose_bins(self.bins or bins.count, self.bin_style or bins.style)


def default_roles(holders: tuple[str, ...]) -> dict[str, RolePlan]:
    """The roles of DESIGN section 4: everybody for root and claimed, the first two for targets and unclaimed."""
    return {
        role: RolePlan(each.threshold, each.days, holders if each.holders > 2 else holders[:2])
        for role, each in OFFLINE_ROLES.items()
    }


def begin(folder: Folder, holders: tuple[str, ...], choices: Choices) -> Plan:
    """Write the plan; raises CeremonyFolderError where one is there, or where what is published is no beginning."""
    if folder.exists():
        raise CeremonyFolderError(f"{folder.path / PLAN} exists: the ceremony has begun. Change it with `draft`.")
    newest = {role: documents[-1] for role, documents in folder.published().items()}
    index_id, bins = _continue(newest) if newest else (secrets.token_hex(16), Bins())
    roles = choices.applied_to(default_roles(holders))
    plan = Plan(index_id, roles, choices.bins_after(bins), choices.names)
    folder.write_plan(plan)
    return plan


def _continue(newest: Mapping[str, Document]) -> tuple[str, Bins]:
    """The id and the bins of an index that has metadata."""
    if missing := OFFLINE_ROLES.keys() - newest.keys():
        raise CeremonyFolderError(f"{METADATA}/ lacks {min(missing)}; export the four offline roles from the server.")
    if not newest[ROOT].is_development:
        raise CeremonyFolderError(
            f"{METADATA}/{newest[ROOT].filename} comes from a real ceremony; go on in a copy of its folder, which has"
            f" {PLAN} and the holders' keys."
        )
    return newest[ROOT].index_id, read_bins(newest[UNCLAIMED].signed)
