"""`rqscheduler demo`: the whole system at work for twenty seconds, on a private Redis, with faults, and an account.

Every number on the screen is computed from what happened: hand-offs from what Redis holds, runs from the log that the
workers' own jobs write, both against what the client was told had been scheduled.
"""
