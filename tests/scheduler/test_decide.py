import pytest

from shared.profiles import ModelSpec
from shared.scheduler import Policy, Priority, Switch
from shared.scheduler.decide import at_hand, decide
from shared.scheduler.state import Ask, AskState, Loaded, State
from tests.scheduler.house import BUDGET, CODER, MODELS, PLANNER, REVIEWER, SMALL

NOW = 10_000.0
POLICY = Policy(
    patience_seconds=600,
    ageing_seconds=1800,
    linger_seconds=20,
    quiet_seconds=30,
    gather_seconds=0,
    active_seconds=120,
)
GATHERING = POLICY.model_copy(update={"gather_seconds": 300})


def ask(model: ModelSpec, name: str, since: float = 0, priority: Priority = Priority.BATCH) -> Ask:
    """Return a request that has waited for some seconds; its job has its name."""
    return Ask(name, model.name, name, priority, asked_at=NOW - since)


def held(model: ModelSpec, name: str) -> Ask:
    """Return a lease."""
    return Ask(name, model.name, name, asked_at=NOW - 60, state=AskState.HELD, held_at=NOW - 50)


def ended(model: ModelSpec, name: str, ago: float) -> Ask:
    """Return a lease that was given back."""
    ask = Ask(name, model.name, name, asked_at=NOW - 90, state=AskState.ENDED)
    return Ask(**{**ask.__dict__, "ended_at": NOW - ago})


def loaded(*models: ModelSpec, ours: bool = True, quiet: float = 0) -> tuple[Loaded, ...]:
    """Return models as /api/ps shows them."""
    return tuple(
        Loaded(m.name, m.memory_gb, m.num_ctx, quiet_since=NOW - quiet, ours=ours) for m in models
    )


def state(
    *asks: Ask,
    shown: tuple[Loaded, ...] = (),
    switch: Switch | None = None,
    tenure: float = 0.0,
    policy: Policy = POLICY,
) -> State:
    """Return the test's node."""
    specs = {model.name: model for model in MODELS}
    return State("mini", NOW, BUDGET, specs, shown, asks, switch, NOW - tenure, policy)


def switch(incoming: ModelSpec | None, *outgoing: ModelSpec, jobs: tuple[str, ...] = ()) -> Switch:
    """Return a switch of the test's node."""
    names = tuple(model.name for model in outgoing)
    return Switch(
        node="mini", incoming=incoming.name if incoming else None, outgoing=names, jobs=jobs
    )


def test_an_empty_node_does_nothing() -> None:
    """Without requests nothing is granted, loaded or unloaded."""
    decision = decide(state(shown=loaded(CODER, SMALL)))
    assert (decision.grants, decision.switch, decision.look_again) == ((), None, None)


def test_a_loaded_model_is_granted_once_at_a_time() -> None:
    """One lease a model as the node answers one at a time; another model has its own."""
    decision = decide(
        state(
            ask(CODER, "late", 5),
            ask(CODER, "early", 9),
            ask(SMALL, "s"),
            shown=loaded(CODER, SMALL),
        )
    )
    assert set(decision.grants) == {"early", "s"}
    assert decide(state(held(CODER, "h"), ask(CODER, "a"), shown=loaded(CODER))).grants == ()


def test_people_go_before_batch_until_it_is_old() -> None:
    """Interactive requests overtake; background work that has aged keeps its place."""
    person = ask(CODER, "person", 1, Priority.INTERACTIVE)
    young = state(ask(CODER, "batch", 1700), person, shown=loaded(CODER))
    assert decide(young).grants == ("person",)
    old = state(ask(CODER, "batch", 1800), person, shown=loaded(CODER))
    assert decide(old).grants == ("batch",)


def test_what_fits_is_loaded_beside_others() -> None:
    """A busy model is no obstacle where there is room."""
    decision = decide(state(held(CODER, "h"), ask(REVIEWER, "r"), shown=loaded(CODER)))
    assert decision.switch == switch(REVIEWER, jobs=("r",))


def test_an_unwanted_model_makes_room_at_once() -> None:
    """Nobody has to be urgent to replace models that nobody wants."""
    decision = decide(state(ask(PLANNER, "p"), shown=loaded(CODER, SMALL)))
    assert decision.switch == switch(PLANNER, CODER, SMALL, jobs=("p",))


def test_only_what_is_in_the_way_leaves() -> None:
    """A model that need not go stays."""
    roomy = PLANNER.model_copy(update={"size_gb": 35})
    specs = {model.name: model for model in (*MODELS[:3], roomy)}
    asks = (ask(roomy, "p"),)
    node = State("mini", NOW, BUDGET, specs, loaded(SMALL, CODER, REVIEWER), asks, policy=POLICY)
    decision = decide(node)
    assert decision.switch is not None
    assert decision.switch.outgoing == (CODER.name,)


def test_a_model_in_use_is_waited_for() -> None:
    """A lease keeps its model, however urgent the other request is."""
    person = ask(PLANNER, "p", 100, Priority.INTERACTIVE)
    decision = decide(state(held(CODER, "h"), person, shown=loaded(CODER)))
    assert decision.switch is None
    assert decide(state(person, shown=loaded(CODER))).switch is not None


def test_draining_admits_who_was_there_before() -> None:
    """While a switch is held back, later requests for what leaves wait; earlier ones are served."""
    urgent = ask(PLANNER, "p", 700)
    decision = decide(
        state(ask(CODER, "before", 800), ask(CODER, "after", 5), urgent, shown=loaded(CODER))
    )
    assert decision.grants == ("before",)
    assert decision.switch is None
    decision = decide(state(ask(CODER, "after", 5), urgent, shown=loaded(CODER), tenure=9999))
    assert decision.grants == ()
    assert decision.switch == switch(PLANNER, CODER, jobs=("p",))


def test_a_batch_of_jobs_shares_a_stay() -> None:
    """While the planner is in, its jobs run on although others wait, up to the bound."""
    asks = (ask(PLANNER, "p2", 100), ask(CODER, "c", 500))
    within = decide(state(*asks, shown=loaded(PLANNER), tenure=500))
    assert within.grants == ("p2",)
    assert within.look_again == NOW + 100
    beyond = decide(state(*asks, ask(CODER, "d", 700), shown=loaded(PLANNER), tenure=700))
    assert beyond.grants == ()
    assert beyond.switch == switch(CODER, PLANNER, jobs=("d", "c"))


def test_the_bound_counts_from_the_last_switch() -> None:
    """Who has waited for long does not turn a node back that was switched a moment ago."""
    node = state(ask(PLANNER, "p", 700), ask(CODER, "c", 5), shown=loaded(CODER), tenure=10)
    assert decide(node).grants == ("c",)
    assert decide(node).switch is None


def test_a_job_that_may_be_back_keeps_its_model() -> None:
    """A job runs a command between two calls; only when it stays away its model makes room."""
    node = state(ended(CODER, "c", 5), ask(PLANNER, "p"), shown=loaded(CODER))
    assert decide(node).switch is None
    assert decide(node).look_again == NOW + 15
    assert decide(state(ended(CODER, "c", 20), ask(PLANNER, "p"), shown=loaded(CODER))).switch
    assert decide(state(ended(CODER, "p", 5), ask(PLANNER, "p"), shown=loaded(CODER))).switch


def test_what_is_not_to_stay_leaves() -> None:
    """A model with keep_alive 0 is unloaded when its jobs are done; a resident stays."""
    assert decide(state(shown=loaded(PLANNER))).switch == switch(None, PLANNER)
    assert decide(state(ended(PLANNER, "p", 5), shown=loaded(PLANNER))).switch is None
    assert decide(state(shown=loaded(PLANNER, ours=False))).switch is None


def test_strangers_models_count_and_stay_while_used() -> None:
    """A model of others leaves only for need, and only when it has been quiet for a while."""
    need = ask(PLANNER, "p", 100, Priority.INTERACTIVE)
    other = (Loaded("llama:8b", 6.0, 4096, quiet_since=NOW - 10),)
    assert decide(state(need, shown=other)).switch is None
    assert decide(state(need, shown=other)).look_again == NOW + 20
    quiet = (Loaded("llama:8b", 6.0, 4096, quiet_since=NOW - 30),)
    decision = decide(state(need, shown=quiet))
    assert decision.switch is not None
    assert decision.switch.outgoing == ("llama:8b",)
    assert decide(state(ask(CODER, "c"), shown=quiet)).switch == switch(CODER, jobs=("c",))


def test_another_context_is_loaded_anew() -> None:
    """A model that others loaded with another num_ctx cannot be used as it is."""
    wrong = (Loaded(CODER.name, 25.0, 4096, quiet_since=NOW - 60),)
    decision = decide(state(ask(CODER, "c"), shown=wrong))
    assert decision.grants == ()
    assert decision.switch == switch(CODER, CODER, jobs=("c",))


def test_a_planner_is_held_back_for_a_second_job() -> None:
    """While others are at work it comes for two jobs, or when its first has waited for a while."""
    shown, first, coded = loaded(CODER), ask(PLANNER, "p", 100), ended(CODER, "c", 50)
    held_back = decide(state(first, coded, shown=shown, tenure=999, policy=GATHERING))
    assert (held_back.switch, held_back.look_again) == (None, NOW + 70)
    for others in ((coded, ask(PLANNER, "q")), (), (ended(CODER, "c", 120),)):
        decision = decide(state(first, *others, shown=shown, tenure=999, policy=GATHERING))
        assert decision.switch is not None
        assert decision.switch.incoming == PLANNER.name
    late = ask(PLANNER, "p", 300)
    assert decide(state(late, coded, shown=shown, tenure=999, policy=GATHERING)).switch
    assert decide(state(first, coded, policy=GATHERING)).switch, "where it fits nothing is won"


def test_a_person_is_not_held_back() -> None:
    """Neither is a resident, whoever wants it."""
    coded = ended(CODER, "c", 50)
    person = ask(PLANNER, "p", 1, Priority.INTERACTIVE)
    assert decide(state(person, coded, shown=loaded(CODER), policy=GATHERING)).switch
    planned = ended(PLANNER, "p", 50)
    batch = ask(CODER, "c", 1)
    assert decide(state(batch, planned, shown=loaded(PLANNER), policy=GATHERING)).switch


def test_a_load_gives_way_to_a_person() -> None:
    """Nobody is served by it yet; but what is old, or also a person's, is loaded all the same."""
    going = switch(PLANNER, CODER, SMALL)
    person = ask(SMALL, "person", 1, Priority.INTERACTIVE)
    assert decide(state(ask(PLANNER, "p", 9), person, switch=going)).gives_way
    assert not decide(state(ask(PLANNER, "p", 9), ask(SMALL, "s", 1), switch=going)).gives_way
    assert not decide(state(ask(PLANNER, "p", 1800), person, switch=going)).gives_way
    other = ask(PLANNER, "q", 9, Priority.INTERACTIVE)
    assert not decide(state(other, person, switch=going)).gives_way
    assert not decide(state(ask(REVIEWER, "r"), person, switch=switch(REVIEWER))).gives_way


def test_a_leased_model_keeps_its_room_unseen() -> None:
    """A model that fell out of the node while leased will be back: its room is kept."""
    decision = decide(state(held(CODER, "h"), ask(PLANNER, "p", 9, Priority.INTERACTIVE)))
    assert decision.switch is None


def test_during_a_switch_others_work_on() -> None:
    """What stays loaded is granted, what leaves is not, and no second switch begins."""
    going = switch(REVIEWER, CODER)
    asks = (ask(CODER, "c"), ask(SMALL, "s"), ask(PLANNER, "p", 9, Priority.INTERACTIVE))
    decision = decide(state(*asks, shown=loaded(CODER, SMALL), switch=going))
    assert decision.grants == ("s",)
    assert decision.switch is None


ASKED = CODER.model_copy(update={"meanwhile": (PLANNER.name, SMALL.name)})


@pytest.mark.parametrize(
    ("node", "answers"),
    [
        pytest.param(state(held(CODER, "c"), shown=loaded(CODER, SMALL)), CODER, id="it-is-loaded"),
        pytest.param(state(shown=loaded(SMALL)), CODER, id="there-is-room"),
        pytest.param(state(shown=loaded(PLANNER)), CODER, id="nobody-uses-its-room"),
        pytest.param(
            state(ended(PLANNER, "p", 5), shown=loaded(PLANNER)), PLANNER, id="the-planner-is-free"
        ),
        pytest.param(state(held(PLANNER, "p"), shown=loaded(PLANNER)), PLANNER, id="none-is-free"),
        pytest.param(
            state(held(PLANNER, "p"), shown=loaded(PLANNER, SMALL)), SMALL, id="the-free-one-first"
        ),
        pytest.param(
            state(shown=loaded(PLANNER), switch=switch(CODER, PLANNER)), CODER, id="it-is-coming"
        ),
        pytest.param(
            state(shown=loaded(CODER), switch=switch(PLANNER, CODER)), CODER, id="none-is-there"
        ),
    ],
)
def test_a_person_is_answered_by_what_is_at_hand(node: State, answers: ModelSpec) -> None:
    """A model gives the answer to another only while its room is in use."""
    assert at_hand(node, ASKED).name == answers.name
