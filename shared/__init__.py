"""What all parts need: types, settings, store, GitHub, git, sandbox and models."""
