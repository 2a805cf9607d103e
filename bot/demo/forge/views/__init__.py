"""How the forge writes its state as GitHub's JSON."""
