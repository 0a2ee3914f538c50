from django.urls import path

from chat import api, views

app_name = "chat"
urlpatterns = [
    path("", views.chat_page, name="page"),
    path("api/conversations", api.open_conversation, name="conversations"),
]
