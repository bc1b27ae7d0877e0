"""ExportArchive: functions of a model as StableHLO programs with symbolic sizes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.export
from jax.errors import ConcretizationTypeError, InconclusiveDimensionOperation

from kohort.core.frame import Frame
from kohort.core.tracing import portable
from kohort.core.variable import Variable
from kohort.export import artifact
from kohort.export.signature import as_spec, signature_of, symbolic
from kohort.layers.layer import Layer

PLATFORMS = ("cpu", "cuda", "tpu")


class ExportArchive:
    """Collects functions ("endpoints") and writes them as one artifact.

    `model.export(filepath)` writes the one endpoint `serve`; use this class for several.

    Args:
        platforms: where the artifact shall run: of cpu, cuda, rocm, tpu.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    >>> archive = ExportArchive()
    >>> archive.track(model)
    >>> _ = archive.add_endpoint(
    ...     "classes", lambda x: model(x).argmax(-1), [keras.InputSpec(shape=(None, 3))]
    ... )
    >>> archive.write_out("archive", verbose=False)
    >>> keras.export.load("archive").classes(np.ones((4, 3))).shape
    (4,)
    """

    def __init__(self, format: str = "stablehlo", platforms: Sequence[str] = PLATFORMS):
        check_format(format)
        self.platforms = tuple(platforms)
        self._endpoints: dict[str, jax.export.Exported] = {}
        self._variables: list[Variable] = []
        self._names: dict[str, list[str]] = {}

    @property
    def variables(self) -> list[Variable]:
        """The variables of all that is tracked."""
        return list(self._variables)

    def track(self, resource: Any) -> None:
        """Take in the variables of a layer or model, so that endpoints may use them."""
        if not isinstance(resource, Layer):
            raise ValueError(
                "Invalid resource type. Expected a Keras `Layer` or `Model`. "
                f"Received: {resource!r} of type {type(resource).__name__}"
            )
        if not resource.built:
            raise ValueError(
                "The layer provided has not yet been built. It must be built before export. "
                f"Received: {resource!r}"
            )
        self._add(resource.variables)

    def _add(self, variables: Sequence[Variable]) -> None:
        self._check_open()
        known = {id(v) for v in self._variables}
        self._variables += [v for v in variables if id(v) not in known]

    def _check_open(self) -> None:
        """Each program takes the weights that were tracked when it was made."""
        if self._endpoints:
            raise ValueError(
                "Track all layers before the first `add_endpoint`. "
                f"Received: a further one after {list(self._endpoints)}"
            )

    def add_variable_collection(self, name: str, variables: Sequence[Variable]) -> None:
        """Name some variables; the metadata list their numbers."""
        if not isinstance(variables, (list, tuple, set)):
            raise ValueError(
                "Expected `variables` to be a list/tuple/set. "
                f"Received instead object of type '{type(variables)}'."
            )
        known = {id(v): number for number, v in enumerate(self._variables)}
        self._names[name] = [str(known[id(v)]) for v in variables]

    def add_endpoint(
        self, name: str, fn: Callable[..., Any], input_signature: Any = None, **kwargs: Any
    ) -> Callable[..., Any]:
        """Compile `fn(*inputs)` as an endpoint; return it.

        Args:
            name: the name by which to call it later.
            fn: a function of arrays; or a layer or model, which then is called for inference.
            input_signature: a list with a structure of specifications for each argument, where
                None is any size. A built model knows its own.
        """
        if name in self._endpoints:
            raise ValueError(f"Endpoint name '{name}' is already taken.")
        if not name.isidentifier():
            raise ValueError(f"The name of an endpoint must be an identifier. Received: {name!r}")
        if input_signature is None and not isinstance(fn, Layer):
            raise ValueError(
                "You need to provide an `input_signature` for a function that is not a layer. "
                f"Received: input_signature=None for {fn!r}"
            )
        if isinstance(fn, Layer):
            signature = signature_of(fn, input_signature)
            call = inference(fn)
        else:
            given = input_signature
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            signature, call = [jax.tree.map(as_spec, part, is_leaf=_is_spec) for part in given], fn
        variables = self._variables

        def pure(weights: Sequence[Any], *inputs: Any) -> Any:
            with portable(), Frame(dict(zip(variables, weights, strict=True))):
                return jax.tree.map(jax.numpy.asarray, call(*inputs))

        specs = [jax.ShapeDtypeStruct(v.shape, v.value.dtype) for v in variables]
        export = jax.export.export(jax.jit(pure), platforms=self.platforms)
        try:
            self._endpoints[name] = export(specs, *symbolic(signature))
        except (InconclusiveDimensionOperation, ConcretizationTypeError) as error:
            raise ValueError(
                "The sizes that are None must be free in every operation. "
                f"Received: the signature {signature}, where one must be known: {error}\n"
                "  1. Pass `input_signature` with more sizes fixed."
            ) from error
        return fn

    def track_and_add_endpoint(
        self, name: str, resource: Any, input_signature: Any = None, **kwargs: Any
    ) -> None:
        """`track`, then `add_endpoint`."""
        self.track(resource)
        self.add_endpoint(name, resource, input_signature, **kwargs)

    def write_out(
        self, filepath: str | os.PathLike[str], options: Any = None, verbose: bool = True
    ) -> None:
        """Write the artifact: a folder that `kohort.export.load` reads."""
        if not self._endpoints:
            raise ValueError(
                "No endpoints have been set yet. Call add_endpoint(). Received: an empty archive."
            )
        weights = [v.value for v in self._variables]
        artifact.write(filepath, self._endpoints, weights, {"collections": self._names})
        if verbose:
            from kohort.utils.printing import print_msg

            print_msg(f"Saved artifact at '{filepath}' with the endpoints {list(self._endpoints)}.")


def inference(layer: Layer) -> Callable[..., Any]:
    """`layer(*inputs)` in inference mode."""
    from kohort.layers.calling import takes

    options = {"training": False} if takes(layer.call, "training") else {}
    return lambda *inputs: layer(*inputs, **options)


def check_format(format: str) -> None:
    """Refuse formats that need another framework."""
    if format in ("stablehlo", "jax_export"):
        return
    raise ValueError(
        f'Unrecognized format={format!r}: it must be "stablehlo" or "onnx". Those of other '
        f'frameworks, such as Keras\'s "tf_saved_model", need these. Received: format={format!r}.\n'
        "  1. Serve with JAX: model.export(folder), then kohort.export.load(folder).\n"
        '  2. Serve elsewhere: model.export("model.onnx", format="onnx").\n'
        "  3. Or save as `.keras` and export it with Keras."
    )


def _is_spec(x: Any) -> bool:
    return hasattr(x, "shape")
