"""The JSON schema of ``.github/baton.yml``: ``python -m shared.repository.schema`` writes it.

Its place in the repository is ``docs/baton.schema.json``; a test keeps it in step.
"""

import json
import sys

from shared.repository.config import RepositoryConfig


def schema() -> str:
    """Return the schema as JSON text, the keys in the order of the model."""
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RepositoryConfig.model_json_schema(),
        "title": "How Baton works in a repository",
    }
    return json.dumps(body, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
