from django.contrib import admin
from django.urls import include, path

from analytics.api import api

urlpatterns = [
    path("", include("chat.urls")),
    path("", include("inference.urls")),
    path("api/v1/", api.urls),
    path("dashboard/", include("analytics.urls")),
    path("admin/", admin.site.urls),
]
