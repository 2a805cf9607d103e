"""The REST operations, one module for each part of GitHub's documentation."""
