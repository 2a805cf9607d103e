"""The pages: what a person sees of the forge in a browser."""
