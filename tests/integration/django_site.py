"""Settings of the Django site of these tests. RQS_TEST_REDIS_URL says where Redis is, RQS_TEST_TIME_ZONE its zone."""

import os

SECRET_KEY = "of a throw-away site"
USE_TZ = True
# Django makes it the zone of the whole process; its default is that of Chicago.
TIME_ZONE = os.environ.get("RQS_TEST_TIME_ZONE", "UTC")
ROOT_URLCONF = "integration.django_site_urls"
LOGGING_CONFIG = None
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_rq",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"

_URL = os.environ.get("RQS_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
RQ_QUEUES = {
    "default": {"URL": _URL, "DEFAULT_TIMEOUT": 77},
    "low": {"URL": _URL, "DEFAULT_TIMEOUT": 99},
}
RQ = {"DEFAULT_RESULT_TTL": 5000}
