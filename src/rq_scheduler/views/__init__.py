"""What is shown of the API's objects: to programs (`serializers`), and to people as tables and lines (`render`,
`health`, `upgrade`), in words (`humanize`). Pure functions: they know no Redis, no RQ, no command and no terminal.
"""
