"""The job that every target schedules; nobody runs it."""


def nothing(*args, **kwargs):
    """The job."""
