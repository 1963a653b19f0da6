"""The calls of `/api/v1`: `routes` lists them, `endpoint` is the way that each request takes, `openapi` describes them.

A call is a function from a `Call` to an `Answer`: it asks the Python API, and shows what comes by `views`. `answers`
has the types of what is shown.
"""
