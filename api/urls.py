"""The addresses below `/api/v1/`. Imported when the first of them is asked for."""

from django.urls import path, re_path, register_converter

from api import acts, deletions, files, journal, me, members, projects, publishers, releases, tokens, trust
from api.schema import Schema
from api.view import Nothing


class PlainConverter:
    """A part of an address without control characters, which databases refuse."""

    regex = r"[^/\x00-\x1f\x7f]{1,255}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(PlainConverter, "plain")
_PROJECT = "projects/<plain:name>/"
_RELEASE = f"{_PROJECT}releases/<plain:version>/"
_FILE = f"{_PROJECT}files/<plain:filename>/"
urlpatterns = [
    path("schema/", Schema.as_view(), name="schema"),
    path("projects/", projects.ProjectList.as_view(), name="projects"),
    path(_PROJECT, deletions.ProjectWithDeletion.as_view(), name="project"),
    path(f"{_PROJECT}releases/", releases.ReleaseList.as_view(), name="project-releases"),
    path(_RELEASE, deletions.ReleaseWithDeletion.as_view(), name="project-release"),
    path(f"{_PROJECT}files/", files.FileList.as_view(), name="project-files"),
    path(_FILE, deletions.FileWithDeletion.as_view(), name="project-file"),
    path(f"{_PROJECT}journal/", journal.ProjectJournal.as_view(), name="project-journal"),
    path(f"{_PROJECT}members/", members.MemberList.as_view(), name="project-members"),
    path(f"{_PROJECT}members/<plain:user>/", members.MemberDetails.as_view(), name="project-member"),
    path(f"{_PROJECT}invitations/", members.InvitationList.as_view(), name="project-invitations"),
    path(f"{_PROJECT}invitations/<plain:user>/", members.InvitationDetails.as_view(), name="project-invitation"),
    path(f"{_PROJECT}retention/", members.RetentionDetails.as_view(), name="project-retention"),
    path(f"{_PROJECT}publishers/", publishers.PublisherList.as_view(), name="project-publishers"),
    *(path(f"{_PROJECT}{act}/", view.as_view(), name=f"project-{act}") for act, view in acts.PROJECT_ACTS.items()),
    *(path(f"{_RELEASE}{act}/", view.as_view(), name=f"release-{act}") for act, view in acts.RELEASE_ACTS.items()),
    *(path(f"{_FILE}{act}/", view.as_view(), name=f"file-{act}") for act, view in acts.FILE_ACTS.items()),
    path("trust/", trust.TrustDetails.as_view(), name="trust"),
    path("me/", me.Me.as_view(), name="me"),
    path("me/invitations/", me.MyInvitations.as_view(), name="my-invitations"),
    *(
        path(f"me/invitations/<plain:name>/{act}/", view.as_view(), name=f"my-invitation-{act}")
        for act, view in acts.INVITATION_ACTS.items()
    ),
    path("tokens/", tokens.TokenList.as_view(), name="tokens"),
    path("tokens/<int:token_id>/", tokens.TokenDetails.as_view(), name="token"),
    path("releases/", releases.NewestReleases.as_view(), name="releases"),
    path("files/", files.NewestFiles.as_view(), name="files"),
    path("journal/", journal.Journal.as_view(), name="journal"),
    re_path("", Nothing.as_view(), name="nothing"),
]
