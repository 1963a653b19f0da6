"""The job that every subject schedules; nobody runs it."""


def nothing(*args, **kwargs):
    """The job."""
