"""Pages of the Django site in `test_django_rq.py`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("django-rq/", include("django_rq.urls"))]
