"""The rules that commands look ahead or back with: written in files, in a draft, published."""

from dataclasses import replace

from nurture.campaigns.folder import read_what_can_be
from nurture.campaigns.parse import parse_sequence
from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.engine.simulate import published_world, with_sequence
from nurture.engine.world import World
from nurture.errors import Invalid


def written(deps: Dependencies) -> World:
    """Return the rules of the campaign files. Raises Invalid when they cannot be read."""
    campaigns, problems = read_what_can_be(deps.settings.campaigns)
    if campaigns is None or problems:
        raise Invalid.because(problems, of="The campaign files cannot be read")
    sequences = {key: replace(one, version=1) for key, one in campaigns.sequences.items()}
    return World.of(campaigns.funnel, sequences, campaigns.segments)


def drafted(deps: Dependencies, key: str) -> World:
    """Return what is published, with the draft of a sequence. Raises NotFound and Invalid."""
    world = published_world(deps)
    draft = drafts.load(deps, key)
    return with_sequence(world, parse_sequence(draft.document, funnel=world.funnel))
