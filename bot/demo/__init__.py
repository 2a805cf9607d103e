"""The embedded default: a forge, a sample repository and a recorded model to try Baton on."""
