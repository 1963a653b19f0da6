"""What an upgrade from 0.14 will do to what stands in a Redis: read entry by entry, and judged. Writes nothing."""
