"""What an audit can find: each kind has a code, and says what to do. Pure."""

from dataclasses import dataclass

_STORE = "Put it back from a backup or a mirror (tuf_audit --against names what differs), and find out who could write."
_KEYS = "Whoever wrote it has no threshold of the role's keys, or somebody changed it: put the true one back."
_ROWS = "Find out who could write to the database; 'manage.py restore' brings back what is published."
ADVICE = {
    "document-missing": f"A document that clients need is not in the store. {_STORE}",
    "document-unreadable": f"No client can read it. {_STORE}",
    "document-replaced": f"Another version lies under its name, perhaps an older one that was signed once. {_STORE}",
    "document-differs": f"It is not the one that the document above it names. {_STORE}",
    "document-unsigned": _KEYS,
    "document-misshapen": "Its keys signed what no index of ours writes: take the online key for stolen.",
    "document-expired": "Clients that verify refuse it. Is a worker running? An offline role needs its key holders.",
    "role-missing": "The snapshot must name every role that is delegated to; take the online key for stolen.",
    "rolled-back": f"The published timestamp is older than one that was visible before. {_STORE}",
    "target-misplaced": "No client looks for it there: take the online key for stolen.",
    "target-unlisted": "It is signed, and no page lists it: take the online key for stolen.",
    "page-lists-no-target": "Its page lists a file that is not signed by itself: take the online key for stolen.",
    "page-differs-from-target": "Page and file are signed with different hashes: take the online key for stolen.",
    "page-unreadable": "It is signed, and no project page: take the online key for stolen.",
    "blob-missing": _STORE,
    "blob-differs": f"The bytes are not those that were signed; clients that verify refuse them. {_STORE}",
    "surplus-file": "Nothing signed and no row knows it. An upload that failed leaves such a blob, which tuf_prune"
    " removes; anything else somebody put there.",
    "row-missing": f"It is published, and the database does not know it. {_ROWS}",
    "row-differs": f"The database says otherwise than what is published, and nothing waits to be published. {_ROWS}",
    "row-surplus": f"The database says that it is published, and it is not. {_ROWS}",
    "journal-broken": "See 'manage.py journal_verify'; after the restore of an older backup it is expected.",
    "key-use-broken": "Compare the records with what INDEXSITE_KEY_USE_SINK was told; after the restore of an older"
    " backup it is expected.",
    "log-entry-missing": "Compare the log with the copies of those who watch it; after the restore of an older backup"
    " of the database it is expected.",
    "log-entry-changed": _ROWS,
    "log-end-differs": "The database has entries of publications that are not visible: somebody replaced the timestamp,"
    " or wrote to the database.",
    "log-forked": "The log is not the one that the copy was made of: it was rewritten, or everything was restored from"
    " an older backup.",
    "journal-forked": "The journal is not the one that the copy was made of: it was rewritten, or everything was"
    " restored from an older backup.",
    "reused-name": "A distribution has other bytes than before under its name: one of the two is forged.",
    "version-rewritten": "A version of a document was signed twice: take its keys for stolen.",
    "reference-damaged": "The copy itself is not whole; compare with another one.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: a key of ADVICE, where it is, and what is wrong there."""

    code: str
    where: str
    what: str

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.code]

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: {self.what}"
