"""The version, written once; the build reads it from this file."""

__version__ = "1.0.0.dev0"

VERSION: tuple[int, ...] = tuple(int(part) for part in __version__.split(".")[:3])
