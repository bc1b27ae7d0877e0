"""Operations on images (`keras.ops.image`)."""

from kohort.ops.image.basic import (
    crop_images,
    extract_patches,
    extract_patches_3d,
    hsv_to_rgb,
    pad_images,
    resize,
    rgb_to_grayscale,
    rgb_to_hsv,
    sobel_edges,
    ssim,
)
from kohort.ops.image.geometry import (
    affine_transform,
    elastic_transform,
    gaussian_blur,
    map_coordinates,
    perspective_transform,
    scale_and_translate,
)
