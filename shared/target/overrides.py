"""What a repository says about its tests in ``.github/baton.yml``."""

import yaml
from pydantic import ValidationError

from shared.errors import TargetError
from shared.target.tree import Tree
from shared.target.values import Overrides

PATH = ".github/baton.yml"


def read_overrides(tree: Tree) -> Overrides:
    """Read the file, or return nothing to override where there is none.

    Raises TargetError that names the line or the key, and what to write there.
    """
    try:
        told = yaml.safe_load(tree.read(PATH)) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TargetError(f"{PATH}, line {line}: {error.problem}. Mend the YAML there.") from error
    if not isinstance(told, dict):
        raise TargetError(f"{PATH} must hold keys such as `test: make check`.")
    try:
        return Overrides.model_validate(told)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        known = ", ".join(f"`{name}`" for name in Overrides.model_fields)
        raise TargetError(
            f"{PATH}, key `{key}`: {fault['msg']}. The keys that are read are {known}."
        ) from error
