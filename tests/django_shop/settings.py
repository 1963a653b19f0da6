"""The site of `integration.django_site`, with schedules. RQS_TEST_FOLDER says where its databases are."""

import os
from pathlib import Path

from integration.django_site import *  # noqa: F403
from integration.django_site import INSTALLED_APPS, MIDDLEWARE

ROOT_URLCONF = "django_shop.urls"
WSGI_APPLICATION = "django_shop.wsgi.application"
ASGI_APPLICATION = "django_shop.wsgi.asgi_application"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver", "shop.example"]
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.sessions",
    "django_tasks",
    "rq_scheduler.contrib.django",
    "django_shop.orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    *MIDDLEWARE,
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
_FOLDER = Path(os.environ.get("RQS_TEST_FOLDER", "."))
DATABASES = {
    name: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_FOLDER / f"{name}.sqlite3"),
        "OPTIONS": {"timeout": 60},
    }
    for name in ("default", "ledger")
}
# The tables of Django's own applications are made as they are today: to go through their history takes seconds.
MIGRATION_MODULES = dict.fromkeys(("admin", "auth", "contenttypes", "sessions", "django_rq"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick: the passwords are known

TASKS = {
    "default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": ["default", "low"]},
    "at-once": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
}
RQ_SCHEDULER = {"OWNER": "shop", "ALLOW": ["django_shop.orders.tasks.*"]}
RQ_SCHEDULES = {
    "close-books": {"func": "django_shop.orders.tasks.close_books", "cron": "30 2 * * *", "queue_name": "low"},
    "ship": {"func": "django_shop.orders.tasks.ship", "every": 1},
}
