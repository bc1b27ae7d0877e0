"""Spectra of sounds over time: STFTSpectrogram and MelSpectrogram."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from kohort import initializers, ops
from kohort.core.component import field
from kohort.core.settings import epsilon, standardize_data_format
from kohort.core.variable import Variable
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer
from kohort.ops.nn_conv import conv

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


def _one_of(name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
    def check(key: str, value: Any) -> None:
        if value not in allowed:
            raise ValueError(f"`{name}` must be one of {allowed}. Received: {name}={value}")

    return field(default, check=check)


class STFTSpectrogram(Layer):
    """The spectrum of each stretch of a signal, by convolution with (trainable) waves.

    Args:
        mode: log, magnitude, psd (power spectral density), real, imag, angle, or stft (real and
            imaginary parts).
        frame_length: how many samples a stretch has.
        frame_step: samples between stretches; half of `frame_length` unless told.
        fft_length: the length of the Fourier transform; a power of two unless told.
        window: the name of a window of `scipy.signal`, an array, or None.
        periodic: whether the window is periodic.
        scaling: density, spectrum or None.
        padding: valid or same.
        expand_dims: whether frequencies have an axis of their own.
        data_format: channels_last or channels_first.

    Shapes: (batch, time, channels) -> (batch, frames, channels * frequencies), or with
    `expand_dims` (batch, frames, frequencies, channels).

    >>> STFTSpectrogram("psd", frame_length=4, window=None).mode
    'psd'

    Source: Cheuk et al., "nnAudio", 2020; `keras.layers.STFTSpectrogram`.
    """

    if TYPE_CHECKING:
        real_kernel: Variable
        imag_kernel: Variable
    mode: str = _one_of("mode", "log", _MODES)
    frame_length: int = 256
    frame_step: int | None = None
    fft_length: int | None = None
    window: Any = "hann"
    periodic: bool = False
    scaling: str | None = _one_of("scaling", "density", (None, "density", "spectrum"))
    padding: str = _one_of("padding", "valid", ("valid", "same"))
    expand_dims: bool = False
    data_format: Any = field(None, convert=standardize_data_format)

    def __post_init__(self) -> None:
        step, fft, frame = self.frame_step, self.fft_length, self.frame_length
        if step is not None and not 1 <= step <= frame:
            raise ValueError(
                "`frame_step` should be a positive integer not greater than `frame_length`. "
                f"Received: frame_step={step}, frame_length={frame}"
            )
        if fft is not None and fft < frame:
            raise ValueError(
                "`fft_length` should be not less than `frame_length`. "
                f"Received: fft_length={fft}, frame_length={frame}"
            )
        if fft is not None and fft & -fft != fft:
            warnings.warn(
                f"`fft_length` is recommended to be a power of two. Received: fft_length={fft}",
                stacklevel=4,
            )
        if isinstance(self.window, str):
            from scipy.signal import get_window

            get_window(self.window, 1)  # raises ValueError where the name is unknown
        self._step = step or frame // 2
        self._fft = fft or 2 ** math.ceil(math.log2(frame))
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        """Create the waves: cosines, sines or both."""
        shape = (self.frame_length, 1, self._fft // 2 + 1)
        for part, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                waves = initializers.STFT(part, self.window, self.scaling, self.periodic)
                kernel = self.add_weight(shape=shape, initializer=waves, name=f"{part}_kernel")
                setattr(self, f"{part}_kernel", kernel)

    def _part(self, x: Any, kernel: Any) -> Any:
        """Shape (batch, channels, time) -> (batch, channels, frames, frequencies)."""
        batch, channels, time = x.shape
        waves = conv(
            x.reshape(-1, time, 1), kernel.value.astype(x.dtype), self._step, self.padding,
            "channels_last", 1,
        )  # fmt: skip
        return waves.reshape(batch, channels, *waves.shape[1:])

    def _spectrum(self, real: Any, imag: Any) -> Any:
        if real is None or imag is None:
            return imag if real is None else real
        if self.mode == "angle":
            return jnp.arctan2(imag, real)
        if self.mode == "stft":
            return jnp.concatenate([real, imag], -1)
        power = real**2 + imag**2
        if self.mode == "psd":
            return power + jnp.pad(power[..., 1:-1], [(0, 0)] * 3 + [(1, 1)])
        magnitude = jnp.sqrt(jnp.maximum(power, epsilon()))
        return jnp.log(jnp.maximum(magnitude, epsilon())) if self.mode == "log" else magnitude

    def call(self, inputs: Any) -> Any:
        """The spectra."""
        if inputs.dtype.name not in ("float16", "float32", "float64", "bfloat16"):
            raise TypeError(
                "Invalid input type. Expected `float16`, `float32` or `float64`. "
                f"Received: input type={inputs.dtype}"
            )
        last = self.data_format == "channels_last"
        x = jnp.swapaxes(inputs, 1, 2) if last else inputs
        real = None if self.mode == "imag" else self._part(x, self.real_kernel)
        imag = None if self.mode == "real" else self._part(x, self.imag_kernel)
        y = self._spectrum(real, imag)  # (batch, channels, frames, frequencies)
        if self.expand_dims:
            return jnp.moveaxis(y, 1, -1) if last else y
        y = jnp.moveaxis(y, -1, 2).reshape(y.shape[0], -1, y.shape[2])
        return jnp.swapaxes(y, 1, 2) if last else y


class MelSpectrogram(Layer):
    """The power of a sound in bands that are equally wide to the ear (mel), over time.

    Args:
        fft_length: the length of the Fourier transform.
        sequence_stride: samples between stretches.
        sequence_length: samples in a stretch; `fft_length` unless told.
        window: hann, hamming, or an array.
        sampling_rate: samples a second.
        num_mel_bins: how many bands.
        min_freq, max_freq: the lowest and highest frequency, in hertz.
        power_to_db: whether to give decibels.
        top_db: how far below the loudest value to cut.
        mag_exp: the exponent of the magnitude: 1 amplitude, 2 power.
        min_power: the least power.
        ref_power: the power of 0 decibels.

    Shapes: (batch, time) -> (batch, num_mel_bins, frames).

    >>> MelSpectrogram(fft_length=16, sequence_stride=8).compute_output_shape((1, 32))
    (1, 128, 5)

    Source: Davis and Mermelstein, 1980; `keras.layers.MelSpectrogram`.
    """

    fft_length: int = 2048
    sequence_stride: int = 512
    sequence_length: int | None = None
    window: Any = "hann"
    sampling_rate: int = 16000
    num_mel_bins: int = 128
    min_freq: float = 20.0
    max_freq: float | None = None
    power_to_db: bool = True
    top_db: float = 80.0
    mag_exp: float = 2.0
    min_power: float = 1e-10
    ref_power: float = 1.0
    _needs_no_build = True

    def __post_init__(self) -> None:
        self.sequence_length = self.sequence_length or self.fft_length
        self.max_freq = self.max_freq or int(self.sampling_rate / 2)
        self._allow_non_tensor_positional_args = True
        if self.fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. Received: "
                f"sequence_length={self.sequence_length}, fft_length={self.fft_length}"
            )

    def call(self, inputs: Any) -> Any:
        """The powers in the bands."""
        real, imag = ops.stft(
            jnp.asarray(inputs, "float32"), self.sequence_length, self.sequence_stride,
            self.fft_length, self.window, center=True,
        )  # fmt: skip
        power = jnp.sqrt(real**2 + imag**2) ** self.mag_exp
        bands = power @ jnp.asarray(self._bands(power.shape[-1]))
        if self.power_to_db:
            least = self.min_power
            bands = 10.0 * jnp.log10(jnp.maximum(bands, least))
            bands = bands - 10.0 * math.log10(max(abs(self.ref_power), least))
            bands = jnp.maximum(bands, jnp.max(bands) - self.top_db)
        return jnp.swapaxes(bands, -1, -2).astype(self.compute_dtype)

    def _bands(self, frequencies: int) -> np.ndarray:
        return self.linear_to_mel_weight_matrix(
            self.num_mel_bins, frequencies, self.sampling_rate, self.min_freq, self.max_freq
        )

    @staticmethod
    def linear_to_mel_weight_matrix(
        num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0, upper_edge_hertz: float | None = 3800.0,
        dtype: str = "float32",
    ) -> np.ndarray:  # fmt: skip
        """Triangles over the frequencies, their corners equally far apart in mel.

        Shape (num_spectrogram_bins, num_mel_bins); the frequency 0 belongs to no band.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

        here = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins)[1:])[:, None]
        corners = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        lower, middle, upper = corners[:-2], corners[1:-1], corners[2:]
        rise, fall = (here - lower) / (middle - lower), (upper - here) / (upper - middle)
        triangles = np.maximum(0.0, np.minimum(rise, fall))
        return np.pad(triangles, [(1, 0), (0, 0)]).astype(dtype)
