"""What thinks: one module per role, the tool loop and the prompts."""
