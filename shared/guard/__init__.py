"""The guards: what comes in is cleaned, what goes out is examined, what is changed is judged."""
