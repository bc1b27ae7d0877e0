"""A member's own callbacks: Keras's, called with a model that holds the member's arrays."""

from __future__ import annotations

from typing import Any

import jax

from kohort.callbacks import CallbackList
from kohort.callbacks.callback import needs_every_batch
from kohort.cohort.candidate import set_leaves
from kohort.cohort.member import Member
from kohort.train.state import TrainState


class Visitor:
    """Calls the callbacks of one member.

    The candidate's model serves its members in turns: it takes a member's arrays and
    hyperparameters, the callbacks look and change what they like, and the changes are read back.
    """

    def __init__(self, member: Member):
        for callback in member.callbacks:
            if needs_every_batch(callback, "train"):
                raise ValueError(
                    "A cohort runs whole epochs in one call: callbacks with hooks for each batch "
                    f"cannot follow its members. Received: {type(callback).__name__}\n"
                    "  1. Move the work to on_epoch_end.\n"
                    "  2. Or train this model alone, with fit()."
                )
        self.member, self.model = member, member.candidate.model
        self.listed = CallbackList(
            [*member.callbacks, member.history], model=self.model, epochs=member.epochs,
            steps=None, verbose=0,
        )  # fmt: skip
        self.stopped = False
        member.history.on_train_begin()

    @property
    def idle(self) -> bool:
        """Whether the member has no callbacks."""
        return not self.member.callbacks

    def record(self, epoch: int, logs: dict[str, Any]) -> None:
        """Keep the logs of an epoch in the history of a member without callbacks."""
        history = self.member.history
        history.epoch.append(epoch)
        for name, value in logs.items():
            history.history.setdefault(name, []).append(value)

    def call(self, state: TrainState, *hooks: tuple[Any, ...]) -> TrainState | None:
        """Call hooks `(name, *arguments)`; return the member's new state where it was changed."""
        member, binding = self.member, self.member.candidate.binding
        given = TrainState(*(dict(part) for part in state))
        binding.scatter(given)
        set_leaves(binding, member.leaves)
        self.model.stop_training = False
        for name, *arguments in hooks:
            if not self.model.stop_training:
                getattr(self.listed, name)(*arguments)
        self.stopped = self.stopped or bool(self.model.stop_training)
        member.leaves = binding.leaf_values()
        after = binding.gather()
        changed = any(
            now[path] is not before[path]
            for now, before in zip(after, given, strict=True)
            for path in now
        )
        return jax.tree.map(jax.device_get, after) if changed else None
