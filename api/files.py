"""Files, of one project or of all."""

from typing import Any
from urllib.parse import quote

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import reader
from api.documented import PageQuery, answer_page, documented, page_shape
from api.projects import project_name
from api.view import ApiView, read_query
from packages import catalogue, insiders
from packages.catalogue import ListedFile
from packages.index_address import index_address
from packages.models import File

STATES = [state for state in File.State.values if state != File.State.DELETED]
SHA256 = r"^[0-9a-f]{64}$"


class HashesSerializer(serializers.Serializer[Any]):  # Any: plain values
    """Hashes in hexadecimal."""

    sha256 = serializers.RegexField(SHA256)


class FileSerializer(serializers.Serializer[Any]):  # Any: a dataclass
    """A file. Strangers see published ones; members those too that wait for a signature, or are withheld.

    `yanked` is the reason (PEP 592), "" where none is given, null where neither it nor its release is yanked.
    """

    project = serializers.CharField()
    version = serializers.CharField()
    filename = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="where it is to be had; null while it is not published")
    size = serializers.IntegerField(min_value=0, help_text="bytes")
    hashes = serializers.SerializerMethodField()
    metadata_hashes = serializers.SerializerMethodField(
        help_text="of METADATA or PKG-INFO, where it is beside the file (PEP 658); else null"
    )
    requires_python = serializers.CharField(allow_blank=True)
    uploaded_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=STATES)
    voucher = serializers.CharField(allow_null=True, help_text="the TUF role that vouches; null while none does")
    yanked = serializers.CharField(allow_null=True, allow_blank=True)

    def get_url(self, file: ListedFile) -> str | None:
        """Below /files/."""
        if file.state != File.State.PUBLISHED:
            return None
        return f"{index_address(self.context['request'])}/files/{file.sha256}/{quote(file.filename)}"

    @extend_schema_field(HashesSerializer)
    def get_hashes(self, file: ListedFile) -> dict[str, str]:
        """Of its bytes."""
        return {"sha256": file.sha256}

    @extend_schema_field(HashesSerializer(allow_null=True))
    def get_metadata_hashes(self, file: ListedFile) -> dict[str, str] | None:
        """Of what installers may read instead of the file."""
        return {"sha256": file.metadata_sha256} if file.metadata_is_static else None

    def to_representation(self, file: ListedFile) -> dict[str, Any]:
        """No voucher is null, as in the other fields that may be absent."""
        said: dict[str, Any] = super().to_representation(file)
        return {**said, "voucher": file.voucher or None}


class FilesQuery(PageQuery):
    """Which files of a project."""

    version = serializers.CharField(max_length=200, default=None, help_text="as a release spells it")
    state = serializers.ChoiceField(choices=STATES, default=None)


class NewestFiles(ApiView):
    """`/files/`."""

    @documented("list_newest_files", tag="files", query=PageQuery, answers=page_shape(FileSerializer), is_open=True)
    def get(self, request: Request) -> Response:
        """Published files of all projects, the newest first."""
        query = read_query(request, PageQuery)
        page = catalogue.list_files(after=query["cursor"], limit=query["limit"])
        return answer_page(request, page, FileSerializer)


class FileList(ApiView):
    """`/projects/<name>/files/`."""

    @documented("list_files", tag="files", query=FilesQuery, answers=page_shape(FileSerializer), is_open=True)
    def get(self, request: Request, name: str) -> Response:
        """Files of a project, the newest first."""
        query = read_query(request, FilesQuery)
        found = catalogue.find_project(project_name(name))
        page = catalogue.list_files(
            project=found,
            after=query["cursor"],
            limit=query["limit"],
            version=query["version"],
            state=query["state"],
            every_file=insiders.is_insider(reader(request), found.name),
        )
        return answer_page(request, page, FileSerializer)


class FileDetails(ApiView):
    """`/projects/<name>/files/<filename>/`."""

    @documented("get_file", tag="files", answers=FileSerializer, is_open=True)
    def get(self, request: Request, name: str, filename: str) -> Response:
        """A file by its name."""
        found = catalogue.find_project(project_name(name))
        every_file = insiders.is_insider(reader(request), found.name)
        file = catalogue.find_file(found, filename, every_file=every_file)
        return Response(FileSerializer(file, context={"request": request}).data)
