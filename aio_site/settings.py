"""Settings of the site: one file, read once from typed environment variables.

Without any variable the site runs on a fresh machine: state in `.data/`, SQLite, an in-memory
channel layer and the pocket model. `docs/settings.md` lists every variable.
"""

import ipaddress
from pathlib import Path

from django.templatetags.static import static
from django.urls import reverse_lazy

from aio_site import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".data")))

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret_key("SECRET_KEY", DATA_DIR / "secret_key")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
TRUSTED_PROXIES = env.items("TRUSTED_PROXIES", "", ipaddress.ip_network)
HTTPS = env.flag("HTTPS", False)

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "channels",
    "ninja",
    "aio_site",
    "inference",
    "chat",
    "analytics",
]
MIDDLEWARE = [
    "aio_site.security.TrustedProxyScheme",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "aio_site.security.AdminContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "aio_site.urls"
ASGI_APPLICATION = "aio_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# Where things are kept
DATABASES = {"default": env.database("DATABASE_URL", env.sqlite_address(DATA_DIR / "db.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.store("REDIS_URL")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# People and the doors they come through
AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("analytics:overview")
AXES_FAILURE_LIMIT = env.integer("LOGIN_FAILURE_LIMIT", 5, minimum=1)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "aio_site.security.client_address"
AXES_LOCKOUT_TEMPLATE = "admin/locked_out.html"
AXES_ENABLE_ADMIN = False

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # see TrustedProxyScheme
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # load balancers ask over plain HTTP
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 3600 if HTTPS else 0)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Language, time, files
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_TZ = USE_I18N = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True  # a fresh machine serves static files without collectstatic

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level("LOG_LEVEL", "WARNING")},
    "loggers": {"axes": {"level": "ERROR"}},
}

# The model
INFERENCE_MODEL = env.text("INFERENCE_MODEL", str(BASE_DIR / "inference" / "pocket" / "model"))
INFERENCE_REVISION = env.text("INFERENCE_REVISION", "main")
INFERENCE_DTYPE = env.choice("INFERENCE_DTYPE", "auto", ("auto", "float32", "bfloat16", "int8"))
INFERENCE_DEVICE = env.text("INFERENCE_DEVICE", "auto")
INFERENCE_THREADS = env.integer("INFERENCE_THREADS", 0)
INFERENCE_CONTEXT = env.integer("INFERENCE_CONTEXT", 4096, minimum=64)
INFERENCE_MAX_NEW_TOKENS = env.integer("INFERENCE_MAX_NEW_TOKENS", 256, minimum=1)
INFERENCE_KV_MB = env.integer("INFERENCE_KV_MB", 256, minimum=1)
INFERENCE_NUMBERS = env.choice("INFERENCE_NUMBERS", "auto", ("auto", "any", "said"))
INFERENCE_REPEAT_SIZE = env.integer("INFERENCE_REPEAT_SIZE", 4096)  # entries; 0: none
INFERENCE_FALLBACK_MODEL = env.text("INFERENCE_FALLBACK_MODEL", "")  # a classifier; none: off
INFERENCE_FALLBACK_REVISION = env.text("INFERENCE_FALLBACK_REVISION", "main")
INFERENCE_FALLBACK_TASK = env.text("INFERENCE_FALLBACK_TASK", "sentiment")  # slug
INFERENCE_FALLBACK_THRESHOLD = env.share("INFERENCE_FALLBACK_THRESHOLD", 0.6)
INFERENCE_FALLBACK_LABELS = env.pairs("INFERENCE_FALLBACK_LABELS")  # the classifier's: the task's
INFERENCE_BACKEND = env.choice("INFERENCE_BACKEND", "process", ("process", "local"))

# The chat
CHAT_ENABLED = env.flag("CHAT_ENABLED", True)
CHAT_SHOW_SENTIMENT = env.flag("CHAT_SHOW_SENTIMENT", False)
CHAT_ROUTER = env.choice("CHAT_ROUTER", "all", ("all", "keyword", "model"))
CHAT_ALLOWED_ORIGINS = env.items("CHAT_ALLOWED_ORIGINS", "", env.origin)
CHAT_MAX_TEXT = env.integer("CHAT_MAX_TEXT", 2000, minimum=1)  # characters
CHAT_MAX_FRAME = env.integer("CHAT_MAX_FRAME", 32 * 1024, minimum=1024)  # bytes
CHAT_MAX_WAITING = env.integer("CHAT_MAX_WAITING", 5)  # queued replies a conversation
CHAT_RATE_VISITOR = env.integer("CHAT_RATE_VISITOR", 30, minimum=1)  # messages a minute
CHAT_RATE_ADDRESS = env.integer("CHAT_RATE_ADDRESS", 120, minimum=1)  # messages a minute
CHAT_RATE_FRAMES = env.integer("CHAT_RATE_FRAMES", 60, minimum=1)  # stops and such a minute
CHAT_HELLO_SECONDS = env.integer("CHAT_HELLO_SECONDS", 10, minimum=1)
CHAT_TOKEN_DAYS = env.integer("CHAT_TOKEN_DAYS", 30, minimum=1)

# Alerts to other systems
ALERT_WEBHOOK_URL = env.address("ALERT_WEBHOOK_URL")
ALERT_WEBHOOK_SECRET = env.signing_secret("ALERT_WEBHOOK_SECRET", needed=bool(ALERT_WEBHOOK_URL))

UNFOLD = {
    "SITE_TITLE": "Support desk",
    "SITE_HEADER": "Support desk",
    "SITE_SUBHEADER": "Review and settings",
    "SITE_URL": "/dashboard/overview/",
    "COLORS": {
        "primary": {  # the dashboard's blue
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(58% .17 250)",
            "600": "oklch(50.5% .14 248)",
            "700": "oklch(45% .125 248)",
            "800": "oklch(39% .11 249)",
            "900": "oklch(34% .09 250)",
            "950": "oklch(25% .07 252)",
        }
    },
    "SHOW_HISTORY": True,
    "SIDEBAR": {"show_search": False, "navigation": "chat.admin.desk.navigation"},
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "sizes": "any",
            "type": "image/svg+xml",
            "href": lambda request: static("analytics/icon.svg"),
        }
    ],
}
