"""What this index takes, as one value: an administrator's settings, handed to the rules. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from packages.attestations.identities import Identity


@dataclass(frozen=True, slots=True)
class Policy:
    """By itself the most lenient one of a private index: without quotas or closed releases. Sizes in bytes, 0 is none.

    `pypi` switches the public index's rules on: no local versions, no `linux_*` tags, no `Private ::` classifiers, no
    dependencies by URL, no deprecated classifiers, and descriptions of a known type only.
    """

    pypi: bool = False
    any_name: bool = False  # for projects of another index: new ones may be called what a stranger's may not
    imported: bool = False  # from another index, and nobody builds it anew: what no installer minds is only noted
    older_sdist_names: bool = False
    zip_sdists: bool = False
    closed_after: timedelta | None = None  # how old a release may be and still take files
    file_limit: int = 0
    project_quota: int = 0
    account_quota: int = 0
    attested_by: tuple[Identity, ...] = ()  # whose attestations count, for projects that name nobody themselves
    read_only: str = ""  # the reason why nothing may be uploaded; empty where all is well


LENIENT = Policy()
