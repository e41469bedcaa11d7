"""The addresses that Django answers; installers' ones are the read layer's."""

from django.contrib import admin
from django.urls import include, path, re_path

from indexsite import bulletins, feeds, health, json_api, pages
from indexsite.late_urls import LateAddresses
from indexsite.operation.metrics import metrics
from indexsite.search_page import search_page
from indexsite.trust_page import trust
from packages.views import legacy_upload, page_upload

handler500 = "indexsite.faults.say_what_failed"
urlpatterns = [
    path("", pages.home, name="home"),
    path("search/", search_page, name="search"),
    path("project/<str:name>/", pages.project, name="project"),
    path("trust/", trust, name="trust"),
    path("trust/bulletins/", bulletins.bulletin_list, name="bulletins"),
    path("trust/bulletins/feed.xml", bulletins.bulletin_feed, name="feed-bulletins"),
    path("trust/bulletins/<int:number>/", bulletins.bulletin_page, name="bulletin"),
    path("upload/", pages.upload, name="upload"),
    path("upload/files/<str:filename>", page_upload, name="upload-file"),
    path("project/<str:name>/<str:version>/", pages.release, name="release"),
    re_path(r"^pypi/(?P<name>[^/]+)/json/?$", json_api.project_json, name="project-json"),
    re_path(r"^pypi/(?P<name>[^/]+)/(?P<version>[^/]+)/json/?$", json_api.release_json, name="release-json"),
    path("rss/updates.xml", feeds.updates, name="feed-updates"),
    path("rss/packages.xml", feeds.packages, name="feed-packages"),
    path("rss/project/<str:name>/releases.xml", feeds.project_releases, name="feed-project"),
    path("legacy/", legacy_upload, name="legacy-upload"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
    LateAddresses("api/v1/", "api.urls"),
    path("account/", include("accounts.urls")),
    path("manage/", include("packages.manage.urls")),
    path("admin/", admin.site.urls),
]
