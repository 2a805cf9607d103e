"""How a repository under repair is set up and tested, and what a run of its tests proves."""
