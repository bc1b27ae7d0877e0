"""Models as programs that run without their code: StableHLO (`jax.export`) and ONNX."""

from __future__ import annotations

import os
from typing import Any

from kohort.export.archive import PLATFORMS, ExportArchive, check_format
from kohort.export.artifact import Artifact
from kohort.export.onnx import export_onnx

load = Artifact

__all__ = ["Artifact", "ExportArchive", "export_model", "export_onnx", "load"]


def export_model(
    model: Any,
    filepath: str | os.PathLike[str],
    format: str = "stablehlo",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write what `model.export` says."""
    if format == "onnx":
        export_onnx(model, filepath, input_signature, kwargs.get("opset_version"), verbose)
        return
    check_format(format)
    archive = ExportArchive(platforms=kwargs.get("platforms") or PLATFORMS)
    # The signature comes first: its errors say what the model lacks.
    from kohort.export.signature import signature_of

    signature = signature_of(model, input_signature)
    archive.track(model)
    archive.add_endpoint("serve", model, signature)
    archive.write_out(filepath, verbose=verbose is not False)
