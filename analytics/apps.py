from django.apps import AppConfig


class AnalyticsAppConfig(AppConfig):
    name = "analytics"
