from django.contrib.auth.views import LogoutView
from django.urls import path

from analytics import downloads, views
from analytics.overview_page import overview

app_name = "analytics"
urlpatterns = [
    path("", views.conversations, name="conversations"),
    path("<uuid:conversation_id>/", views.conversation, name="conversation"),
    path("<uuid:conversation_id>/print/", views.printable, name="printable"),
    path("overview/", overview, name="overview"),
    path("agreement/", views.agreement, name="agreement"),
    # The admin's own logs out staff only.
    path("logout/", LogoutView.as_view(next_page="analytics:overview"), name="logout"),
    path("export/<slug:dataset>.<slug:format>", downloads.export, name="export"),
]
