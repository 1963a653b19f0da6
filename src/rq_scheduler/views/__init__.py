"""What is shown of the API's objects: to programs (`serializers`), and to people as tables and lines (`render`,
`health`, `explain`, `upgrade`), in words (`rq_scheduler.humanize`). Pure functions: they know no Redis, no RQ, no
command and no terminal.
"""
