"""Building on other machines: who does it, what they may reach, and who takes over."""
