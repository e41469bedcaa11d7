"""The addresses of `/manage/`."""

from django.urls import path

from packages.manage import mine, people, settings, views

urlpatterns = [
    path("", mine.mine, name="manage"),
    path("<str:name>/", views.project, name="manage-project"),
    path("<str:name>/releases/<str:version>/", views.release, name="manage-release"),
    path("<str:name>/members/", people.members, name="manage-members"),
    path("<str:name>/settings/", settings.settings, name="manage-settings"),
    path("<str:name>/delete/", settings.delete, name="manage-delete"),
    path("<str:name>/journal/", views.journal, name="manage-journal"),
]
