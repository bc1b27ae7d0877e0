"""The devices that a cohort's packs go round."""

from __future__ import annotations

import warnings

import jax

from kohort.distribution import Distribution, ModelParallel, distribution
from kohort.errors import KohortWarning

_warned: list[Distribution] = []


def devices() -> list[jax.Device]:
    """All local devices, or those of the distribution that is set.

    A member lies whole on one of them: neither its batches nor its variables are split.
    """
    given = distribution()
    if given is None:
        return jax.local_devices()
    if isinstance(given, ModelParallel) and not any(given is one for one in _warned):
        _warned[:] = [given]
        warnings.warn(
            "A cohort does not split a model over devices, as ModelParallel asks for: each member "
            "lies whole on one device of the mesh, and the members go round them.",
            KohortWarning,
            stacklevel=2,
        )
    mesh = given.device_mesh.backend_mesh
    local = [d for d in mesh.devices.ravel() if d.process_index == jax.process_index()]
    return local or jax.local_devices()
