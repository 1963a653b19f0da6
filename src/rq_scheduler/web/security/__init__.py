"""What keeps the web safe, one rule a file. None of them knows a call of the API."""
