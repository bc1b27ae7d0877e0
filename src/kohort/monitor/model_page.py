"""What TensorBoard shows of a model itself: its graph and its summary."""

from __future__ import annotations

from typing import Any

from kohort.monitor.events import EventFile


def write_model(run: EventFile, model: Any) -> None:
    """Write the graph, as layers and as Keras's JSON, and the summary."""
    from kohort.monitor.graph import graph_def, keras_json

    lines: list[str] = []
    # The model may be any user's: nothing that its code raises is worth a training.
    with run.quiet.attempt("the model's graph", Exception):
        run.graph(graph_def(model))
        model.summary(print_fn=lambda line, *_, **__: lines.append(line))
        run.text("summary", "\n".join(["```", *lines, "```"]))
        conceptual = keras_json(model)
        if conceptual is not None:
            run.keras_model(conceptual)
