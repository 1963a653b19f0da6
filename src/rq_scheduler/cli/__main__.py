"""`python -m rq_scheduler.cli`: how `dev` and `demo` start daemons in the interpreter that runs them."""

from rq_scheduler.cli.app import main

main()
