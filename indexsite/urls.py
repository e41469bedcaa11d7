"""The addresses that Django answers; installers' ones are the read layer's."""

from django.contrib import admin
from django.urls import path

from indexsite import health, pages
from indexsite.operation.metrics import metrics
from packages.views import legacy_upload

handler500 = "indexsite.faults.say_what_failed"
urlpatterns = [
    path("", pages.home, name="home"),
    path("project/<str:name>/", pages.project, name="project"),
    path("legacy/", legacy_upload, name="legacy-upload"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
]
