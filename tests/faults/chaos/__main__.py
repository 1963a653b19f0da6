"""`python -m faults.chaos`: a long random mix of faults on real processes (`make chaos`)."""

if __name__ == "__main__":
    # Processes that are forked off import this module too, and need none of it.
    from faults.chaos.command import main

    main()
