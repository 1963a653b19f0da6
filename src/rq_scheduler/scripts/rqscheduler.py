"""0.14's home of `main`: people's service units and wrappers name this file. The command itself is in `cli`."""

from rq_scheduler.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
