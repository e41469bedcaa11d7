"""Whose attestations count: an administrator's or owner's word for publishers, and the publishers themselves. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_WORKFLOW = re.compile(r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]*(/\.?[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_EMAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LONGEST = 255  # characters
EXAMPLES = "github:acme/demo@release.yml, github:acme/*, gitlab:acme/tools/demo@.gitlab-ci.yml, google:ci@x.example.org"


class Kind(StrEnum):
    """Who runs the publisher's workflow, and vouches for that towards Sigstore."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GOOGLE = "google"


_HOSTS = {Kind.GITHUB: "https://github.com", Kind.GITLAB: "https://gitlab.com"}
_TITLES = {Kind.GITHUB: "GitHub Actions", Kind.GITLAB: "GitLab CI/CD", Kind.GOOGLE: "Google Cloud"}


class IdentityFaultyError(ValueError):
    """What should name a publisher does not."""

    code = "identity-faulty"


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who signed: `name` is the repository's (of Google: an e-mail address), `workflow` its file there."""

    kind: Kind
    name: str
    workflow: str = ""

    @classmethod
    def of(cls, kind: str, name: str, workflow: str) -> "Publisher":
        """From what rows and documents hold."""
        return cls(Kind(kind), name, workflow)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}{'@' if self.workflow else ''}{self.workflow}"

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{_TITLES[self.kind]}, {self.name}{' @ ' if self.workflow else ''}{self.workflow}"

    @property
    def address(self) -> str:
        """Of the repository on the web, empty where there is none."""
        return f"{_HOSTS[self.kind]}/{self.name}" if self.kind in _HOSTS else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """The publishers that count: one workflow, every one of a repository, or all repositories below a group (`/*`)."""

    kind: Kind
    name: str
    workflow: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}{'@' if self.workflow else ''}{self.workflow}"

    def covers(self, publisher: Publisher) -> bool:
        """Whether this publisher is meant. Names of repositories are compared without regard to case."""
        wanted, name = self.name.lower(), publisher.name.lower()
        is_named = name.startswith(wanted[:-1]) if wanted.endswith("/*") else name == wanted
        return self.kind is publisher.kind and is_named and self.workflow in {"", publisher.workflow}


def read_identity(text: str) -> Identity:
    """Read `github:acme/demo@release.yml` and its like; raises IdentityFaultyError, with what can be meant."""
    kind, _, rest = text.strip().partition(":")
    if kind not in set(Kind) or len(text) > _LONGEST:
        raise IdentityFaultyError(f"{text[:80]!r} names no publisher; write it as one of: {EXAMPLES}.")
    if kind == Kind.GOOGLE:
        identity, is_right = Identity(Kind.GOOGLE, rest), bool(_EMAIL.fullmatch(rest))
    else:
        name, at, workflow = rest.partition("@")
        identity = Identity(Kind(kind), name, workflow)
        is_right = _is_name(identity) and (bool(_WORKFLOW.fullmatch(workflow)) if at else True)
    if not is_right:
        raise IdentityFaultyError(f"{text[:80]!r} names no publisher; write it as one of: {EXAMPLES}.")
    return identity


def read_identities(text: str) -> tuple[Identity, ...]:
    """Several, separated by commas or white space."""
    return tuple(map(read_identity, re.split(r"[,\s]+", text.strip()))) if text.strip() else ()


def is_publisher(publisher: Publisher) -> bool:
    """Whether what a certificate says can be a publisher at all: it is shown on pages."""
    if len(str(publisher)) > _LONGEST:
        return False
    if publisher.kind is Kind.GOOGLE:
        return bool(_EMAIL.fullmatch(publisher.name)) and not publisher.workflow
    is_one = not publisher.name.endswith("/*")
    return (
        is_one and _is_name(Identity(publisher.kind, publisher.name)) and bool(_WORKFLOW.fullmatch(publisher.workflow))
    )


def covers(identities: Iterable[Identity], publisher: Publisher) -> bool:
    """Whether any of them means the publisher."""
    return any(identity.covers(publisher) for identity in identities)


def _is_name(identity: Identity) -> bool:
    """OWNER/REPOSITORY, of GitLab also deeper; the last part may be `*`."""
    *groups, last = identity.name.split("/")
    depth_is_right = len(groups) == 1 if identity.kind is Kind.GITHUB else len(groups) >= 1
    parts_are_right = all(_SLUG.fullmatch(part) for part in groups) and (last == "*" or bool(_SLUG.fullmatch(last)))
    is_everything = last == "*" and bool(identity.workflow)  # a workflow's name says nothing across repositories
    return depth_is_right and parts_are_right and not is_everything
