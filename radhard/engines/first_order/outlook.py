"""Which gradients are computed once, and kept for the current samples?"""

from collections.abc import Mapping

from radhard.engines.first_order.goals import Goal, goal_of
from radhard.engines.first_order.gradient_weights import Key, MarginGradients, weights_of
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.graph import fold_batch_norms

__all__ = ["Outlook", "outlooks"]

_HELD = 4
"""Maximum copies of a value in a backward pass: value, tensors saved by autograd, gradients."""


class Outlook:
    """Where the faults of each site of a plan are evaluated, and the weights of elements there."""

    def __init__(self, plan: ReplayPlan, places: list[int], *, most: int, memory: int) -> None:
        self.plan = plan
        self.goals: dict[int, Goal] = {}
        users = plan.replayer.graph.users()
        for place in places:
            goal = goal_of(plan, place, users)
            if goal is not None:
                self.goals[place] = goal
        # Gradients are needed at the goals only; batch norms in between can be folded.
        self._graph, _ = fold_batch_norms(
            plan.replayer.graph, {slot for goal in self.goals.values() for slot in goal.slots}
        )
        self._most, self._memory = most, memory
        self._held: tuple[slice, dict[Key, MarginGradients]] | None = None

    @classmethod
    def of_parameters(cls, plan: ReplayPlan, *, most: int, memory: int) -> "Outlook":
        """The outlook of all stored sites of a plan."""
        sites = plan.campaign.space.sites
        places = [place for place, site in enumerate(sites) if not site.flows]
        return cls(plan, places, most=most, memory=memory)

    def weights(self, piece: slice) -> Mapping[Key, MarginGradients]:
        """The weights of elements for some samples; the most recent ones are cached."""
        if self._held is None or self._held[0] != piece:
            self._held = None
            self._held = piece, self._computed(piece)
        return self._held[1]

    def forget(self) -> None:
        """Discard the golden values and the weights."""
        self.plan.replayer.forget()
        self._held = None

    def _computed(self, piece: slice) -> dict[Key, MarginGradients]:
        plan = self.plan
        keys: dict[Key, bool] = {}
        for goal in self.goals.values():
            for slot in goal.slots:
                key = (slot, goal.gates)
                # Several sites may share a slot; its samples are independent only if they are for
                # all of these.
                keys[key] = keys.get(key, True) and goal.apart
        if not keys:
            return {}
        golden = plan.replayer.golden(piece)
        inputs = [golden[slot] for slot in self._graph.inputs]
        each = (
            sum(plan.replayer.sizes.values()) * plan.replayer.golden_outputs.element_size() * _HELD
        )
        # Samples are passed in parts, as a backward pass holds the values of all operations.
        size = max(1, self._memory // max(each, 1))
        parts = []
        for at in range(0, piece.stop - piece.start, size):
            some = slice(at, min(at + size, piece.stop - piece.start))
            parts.append(
                weights_of(
                    self._graph,
                    [tensor[some] for tensor in inputs],
                    plan.panel.golden,
                    slice(piece.start + some.start, piece.start + some.stop),
                    keys,
                    most=self._most,
                    seed=plan.campaign.trials.seed,
                )
            )
        # Where a part showed that samples depend on each other, no part is trusted.
        known = [key for key in keys if all(key in part for part in parts)]
        return {key: MarginGradients.joined([part[key] for part in parts]) for key in known}


def outlooks(plans: Mapping[int, ReplayPlan], *, most: int, memory: int) -> dict[int, Outlook]:
    """The outlook of every site; sites with the same plan in ``plans`` share one."""
    found: dict[int, Outlook] = {}
    for plan in {id(plan): plan for plan in plans.values()}.values():
        places = [place for place, own in plans.items() if own is plan]
        outlook = Outlook(plan, places, most=most, memory=memory)
        found.update(dict.fromkeys(places, outlook))
    return found
