"""The journal: of a project for those who belong to it, the whole of it for administrators."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import known_reader
from api.documented import PageQuery, answer_page, documented, page_shape
from api.projects import project_name
from api.view import ApiView, read_query
from packages import insiders


class EntrySerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """What somebody did. `number` and `sha256` are its place in the hash chain; null until it is sealed."""

    id = serializers.IntegerField(min_value=1)
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    token = serializers.IntegerField(allow_null=True, help_text="number of the API token that was used")
    act = serializers.CharField()
    project = serializers.CharField(allow_blank=True)
    details = serializers.DictField()
    number = serializers.IntegerField(allow_null=True)
    sha256 = serializers.SerializerMethodField()

    def get_sha256(self, entry: insiders.Entry) -> str | None:
        """Null for none."""
        return entry.sha256 or None


class JournalQuery(PageQuery):
    """Which entries."""

    act = serializers.RegexField(r"^[a-z.-]{1,40}$", default=None, help_text="such as `file.yanked`")
    since = serializers.DateTimeField(default=None, help_text="at that moment or later")


class ProjectJournal(ApiView):
    """`/projects/<name>/journal/`."""

    @documented("list_project_journal", tag="journal", query=JournalQuery, answers=page_shape(EntrySerializer))
    def get(self, request: Request, name: str) -> Response:
        """What happened to a project, a deleted one too, the newest first."""
        query = read_query(request, JournalQuery)
        page = insiders.journal_of(
            known_reader(request),
            project_name(name),
            after=query["cursor"],
            limit=query["limit"],
            act=query["act"],
            since=query["since"],
        )
        return answer_page(request, page, EntrySerializer)


class Journal(ApiView):
    """`/journal/`."""

    @documented("list_journal", tag="journal", query=JournalQuery, answers=page_shape(EntrySerializer))
    def get(self, request: Request) -> Response:
        """What happened in the index, the newest first. For administrators."""
        query = read_query(request, JournalQuery)
        page = insiders.whole_journal(
            known_reader(request),
            after=query["cursor"],
            limit=query["limit"],
            act=query["act"],
            since=query["since"],
        )
        return answer_page(request, page, EntrySerializer)
