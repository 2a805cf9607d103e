"""What arrives: signed deliveries, checked, stored and acknowledged."""
