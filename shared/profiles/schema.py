"""The JSON schema of profiles, for editors: ``python -m shared.profiles.schema`` writes it.

Its place in the repository is ``docs/profile.schema.json``; a test keeps it in step.
"""

import json
import sys

from shared.profiles import Profile


def schema() -> str:
    """Return the schema as JSON text, the keys in the order of the model."""
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Profile.model_json_schema(),
        "title": "A profile of Baton",
    }
    return json.dumps(body, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
