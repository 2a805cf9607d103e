"""``baton setup``: register the GitHub App, keep its secrets, and see a first delivery arrive."""
