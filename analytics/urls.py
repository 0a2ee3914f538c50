from django.http import HttpResponse
from django.urls import path

app_name = "analytics"
urlpatterns = [path("", lambda request: HttpResponse(""), name="conversations")]
