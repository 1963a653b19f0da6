"""The command `rqscheduler`: one module an idea, one function a subcommand.

Owns what a person types and reads. Knows no Redis key and issues no Redis command: the store does. The daemon
stands on the dispatcher, never on the client's API.
"""
