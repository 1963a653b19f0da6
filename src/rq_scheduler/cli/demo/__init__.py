"""`rqscheduler demo`: the whole system at work for twenty seconds, on a private Redis, while parts of it get killed.

`scenario` says what happens when, on the `processes`; `jobs` is what the workers run, `display` what people see
meanwhile, `account` what came of it.
"""
