"""The subcommands about what is in a Redis: `list`, `show`, `put`, `runs` and so on, `status`, `quarantine`, `check`.

A command is thin: it reads its options, asks the API (`session`) and answers (`output`) with what `views` makes of the
API's objects.
"""
