"""Pack the example payloads of @octokit/webhooks-examples; see README.md beside this file."""  # noqa: INP001  a script beside its data

import gzip
import json
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
MEMBER = "package/api.github.com/index.json"


def main(archive: str) -> None:
    """Write payloads.json.gz from the package's tar file, the same bytes each time."""
    with tarfile.open(archive) as package:
        member = package.extractfile(MEMBER)
        assert member is not None
        definitions = json.load(member)
    payloads = {one["name"]: one["examples"] for one in definitions}
    packed = json.dumps(payloads, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "payloads.json.gz").write_bytes(gzip.compress(packed, 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
