"""The home that 0.14 gave its entry point; see `rqscheduler`."""
