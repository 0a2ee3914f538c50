from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("", views.conversations, name="conversations"),
    path("<uuid:conversation_id>/", views.conversation, name="conversation"),
]
