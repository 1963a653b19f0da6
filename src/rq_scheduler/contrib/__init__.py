"""At home in other frameworks: each folder knows one, and the package knows none of them."""
