"""The subcommands about schedules: `list`, `show`, `put`, `runs` and so on, `status` and `quarantine`.

A command is thin: it reads its options, asks the API (`desk`) and answers (`grid`). What people read is made by pure
functions from the API's objects (`screens`, `words`), what programs read by others (`forms`).
"""
