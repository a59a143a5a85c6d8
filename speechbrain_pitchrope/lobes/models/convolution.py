"""Convolutional front end that carries pitch past its strided convolutions."""

import torch
from speechbrain.lobes.models.convolution import ConvolutionFrontEnd

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import AUGMENTER, FBANK, NORMALIZE


class PitchConvolutionFrontEnd(ConvolutionFrontEnd):
    """SpeechBrain's ConvolutionFrontEnd with pooled pitch behind its output.

    The mels pass through upstream's convolutions. Pitch is pooled over exactly the
    frames that each output of the convolutions sees, ``log_f0`` over the voiced ones.
    What rides between mels and pitch is joined: an output gets that of as many frames
    as the convolutions stride over, in order.

    Arguments
    ---------
    input_shape : iterable
        Shape of the mels, as upstream: [batch, time, n_mels], without pitch.
    noise_masking : bool
        Whether frames come masked by noise in all channels, as in BEST-RQ pretraining:
        their pitch is then made neutral (``inband.without_noise``).
    *args, **kwargs
        As in ``speechbrain.lobes.models.convolution.ConvolutionFrontEnd``.

    Example
    -------
    >>> front_end = PitchConvolutionFrontEnd(
    ...     input_shape=(8, 10, 80),
    ...     num_blocks=2,
    ...     num_layers_per_block=1,
    ...     out_channels=(64, 32),
    ...     kernel_sizes=(3, 3),
    ...     strides=(2, 2),
    ...     residuals=(False, False),
    ... )
    >>> front_end(torch.rand(8, 101, 84)).shape
    torch.Size([8, 26, 644])
    """

    def __init__(self, input_shape, *args, noise_masking=False, **kwargs):
        super().__init__(input_shape, *args, **kwargs)
        self.n_features = input_shape[-1]
        self.noise_masking = noise_masking
        taps, self.pool_stride, self.pool_padding, self.least_frames = _composite(
            self._layers()
        )
        self.register_buffer("pool_taps", taps, persistent=False)
        self.first_batches = inband.FirstBatches(self)

    def get_output_shape(self):
        """Shape that the convolutions give for ``input_shape``, without pitch."""
        with torch.no_grad():
            return super().forward(torch.zeros(self.input_shape)).shape

    def forward(self, x):
        """Convolve the mels and pool the pitch: [B, T, n_mels + 4] -> [B, T', F + 4].

        F is what upstream's output has in all when flattened (20 x 32 = 640 in its
        recipes), T' = ceil(T / 4) at two strides. With S samples riding before pitch,
        [B, T, n_mels + S + 4] -> [B, T', F + 4 S + 4].
        """
        name, n_frames = type(self).__name__, x.shape[1]
        if x.shape[-1] < self.n_features + inband.N_CHANNELS:
            inband.require_width(x, self.n_features, name, FBANK)
        if n_frames < self.least_frames:
            raise ValueError(
                f"{name} found {n_frames} feature frames, too few for its "
                "convolutions: leave recordings this short out of the manifest"
            )
        mels, riders = inband.split(x, self.n_features)
        others, channels = inband.split(riders)
        if self.noise_masking:
            channels = inband.without_noise(channels)
        if self.first_batches.one_more():
            inband.require_range(channels, name, (NORMALIZE, AUGMENTER))
        features = super().forward(mels).flatten(2)
        padded = n_frames + sum(self.pool_padding)
        n_outputs = (padded - len(self.pool_taps)) // self.pool_stride + 1
        if features.shape[1] != n_outputs:
            raise ValueError(
                f"{name} can't follow these convolutions: it expected {n_outputs} "
                f'frames and they give {features.shape[1]}; use padding: "same"'
            )
        if others.shape[-1] > 0:
            others = join_frames(others, n_outputs, self.pool_stride)
            features = inband.append(features, others)
        return inband.append(features, self._pool(channels, n_outputs))

    def _layers(self):
        """(kernel, stride, dilation, padding type) in time of each convolution."""
        for block in self.children():
            convolutions = (m for m in block.convs.values() if hasattr(m, "conv"))
            for conv, part in zip(convolutions, block.filter_properties, strict=True):
                sizes = (part.window_size, part.stride, part.dilation)
                # SpeechBrain convolves [..., time] or [..., frequency, time].
                in_time = (x if isinstance(x, int) else x[-1] for x in sizes)
                yield *in_time, conv.padding

    def _pool(self, channels, n_outputs):
        """Pool channels [B, T, 4] over the frames that each output sees."""
        pitch = inband.unpack(channels)
        present = inband.present(channels)[..., 0]
        voiced = pitch.voicing * (pitch.voicing >= inband.VOICED)
        x = torch.stack((present, voiced, voiced * pitch.log_f0, *pitch[1:]), dim=1)
        needed = (n_outputs - 1) * self.pool_stride + len(self.pool_taps)
        left = self.pool_padding[0]
        right = max(0, needed - left - x.shape[-1])
        sums = torch.nn.functional.conv1d(
            torch.nn.functional.pad(x, (left, right)),
            self.pool_taps.to(x.dtype).expand(x.shape[1], 1, -1),
            stride=self.pool_stride,
            groups=x.shape[1],
        )
        present, voiced, log_f0, *others = sums[..., :n_outputs].unbind(1)
        log_f0 = log_f0 / voiced.clamp(min=inband.VOICED)
        others = (x / present.clamp(min=1) for x in others)
        return inband.pack(inband.Pitch(log_f0, *others))


def join_frames(x, n_frames, stride):
    """Join ``stride`` frames to one: [B, T, S] -> [B, n_frames, stride * S]."""
    missing = n_frames * stride - x.shape[1]
    x = torch.nn.functional.pad(x, (0, 0, 0, missing))
    return x.unflatten(1, (n_frames, stride)).flatten(2)


def _composite(layers):
    """The stack of convolutions as one.

    Returns its taps (1 for each frame that an output sees and 0 for those that dilation
    skips), the stride from output to output, the frames of padding before and behind,
    and the number of frames that it needs.
    """
    taps, total_stride, total_left, total_right, least = torch.ones(1), 1, 0, 0, 1
    for kernel, stride, dilation, padding in layers:
        spread = torch.zeros(dilation * total_stride * (kernel - 1) + 1)
        spread[:: dilation * total_stride] = 1
        left, right = _padding(kernel, stride, dilation, padding)
        # Reflection takes its padding from other frames than the first.
        needed = left + 1 if padding == "same" else dilation * (kernel - 1) + 1 - left
        needed = (needed - 1) * total_stride + len(taps) - total_left - total_right
        least = max(least, needed)
        taps = torch.nn.functional.conv1d(
            taps.view(1, 1, -1), spread.view(1, 1, -1), padding=len(spread) - 1
        ).flatten()
        total_left += left * total_stride
        total_right += right * total_stride
        total_stride *= stride
    return (taps > 0).float(), total_stride, (total_left, total_right), least


def _padding(kernel, stride, dilation, padding):
    """Frames that SpeechBrain's convolutions put before and after, (left, right)."""
    span = dilation * (kernel - 1)
    if padding == "causal":
        return span, 0
    if padding == "valid":
        return 0, 0
    half = kernel // 2 if stride > 1 else span // 2
    return half, half
