"""What each command does. `docs/commands.md` tells it to people."""

from collections.abc import Awaitable, Callable, Mapping

from bot.commanding import answering, beginning, controlling
from bot.commanding.saying import Order, Refusal
from bot.commands import Verb

DO: Mapping[Verb, Callable[[Order], Awaitable[Refusal]]] = {
    Verb.APPROVE: answering.approve,
    Verb.DENY: answering.deny,
    Verb.ROUTE: answering.route,
    Verb.RUN: beginning.run,
    Verb.PLAN: beginning.plan,
    Verb.RETRY: beginning.retry,
    Verb.ROLLBACK: beginning.roll_back,
    Verb.FRONTIER: beginning.ask_frontier,
    Verb.CANCEL: controlling.cancel,
    Verb.PAUSE: controlling.pause,
    Verb.RESUME: controlling.resume,
    Verb.STATUS: controlling.show,
    Verb.HELP: controlling.tell_commands,
}
"""What is done; all but those in `WITHOUT_RUN` are given a run."""

WITHOUT_RUN = frozenset({Verb.HELP, Verb.RUN, Verb.PLAN, Verb.RETRY, Verb.FRONTIER})
"""What makes sense also where there is no run yet."""
