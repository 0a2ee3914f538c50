from django.urls import path

from chat.consumers import ChatConsumer
from chat.staff import StaffConsumer

websocket_urlpatterns = [
    path("ws/chat/<uuid:conversation>/", ChatConsumer.as_asgi()),
    path("ws/staff/", StaffConsumer.as_asgi()),
]
