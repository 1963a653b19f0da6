"""A Django site that declares schedules: django-rq, two databases, sessions, the admin."""
