"""Names that are not public in Keras, or have another place there, and that its tests take."""

from kohort.core.masks import get_mask as get_keras_mask
from kohort.core.masks import set_mask as set_keras_mask
from kohort.core.symbolic import infer_outputs as compute_output_spec
from kohort.core.variable import autocast as AutocastScope
from kohort.models import Functional, Model
from kohort.models.compiling import Compiling
from kohort.models.training import Training
from kohort.utils.bounding_boxes import (
    clip_to_image_size,
    compute_ciou,
    compute_iou,
    convert_format,
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)


class JAXTrainer(Compiling, Training):
    """What makes a layer trainable: `class Net(JAXTrainer, Dense)` has `compile` and `fit`."""

    train_step, test_step, predict_step = Model.train_step, Model.test_step, Model.predict_step

    def __init__(self) -> None:
        """Start uncompiled."""
        self._start_uncompiled()


__all__ = [
    "AutocastScope",
    "Functional",
    "JAXTrainer",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "compute_output_spec",
    "convert_format",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "get_keras_mask",
    "set_keras_mask",
]
