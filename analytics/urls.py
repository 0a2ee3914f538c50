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
    path("export/<slug:dataset>.<slug:format>", downloads.export, name="export"),
]
