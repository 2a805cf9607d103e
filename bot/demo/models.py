"""Live models for the demo: are they there, and if not, what to type."""

from shared.errors import ModelMissing
from shared.ollama import check_models
from shared.profiles import Profile


async def check_live_models(profile: Profile) -> None:
    """Look whether every node of a profile holds the models it needs.

    Raises ModelUnavailable when a node does not answer, ModelMissing with the lines to type.
    """
    for node in profile.nodes:
        names = [model.name for model in profile.models if model.node == node.name]
        check = await check_models(node, names)
        if check.missing:
            raise ModelMissing(check.advice)
