"""Operations of neural networks. (The same functions are in `kohort.ops`.)"""

from kohort.ops.ctc import (
    ctc_decode,
    ctc_loss,
)
from kohort.ops.nn_activation import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from kohort.ops.nn_conv import (
    conv,
    conv_transpose,
    depth_to_space,
    depthwise_conv,
    fold,
    separable_conv,
    space_to_depth,
    unfold,
)
from kohort.ops.nn_loss import (
    binary_crossentropy,
    categorical_crossentropy,
    multi_hot,
    one_hot,
    psnr,
    sparse_categorical_crossentropy,
)
from kohort.ops.nn_norm import (
    batch_normalization,
    dot_product_attention,
    layer_normalization,
    moments,
    normalize,
    rms_normalization,
)
from kohort.ops.nn_pool import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    max_pool,
)
from kohort.ops.signal import (
    polar,
)
