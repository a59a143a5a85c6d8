"""A convolutional front end for pitch alone, beside the one for the spectrum.

Separate front ends for spectral and prosodic features did better than one for both in
G. Cámbara et al., "Voice Quality and Pitch Features in Transformer-Based Speech
Recognition", arXiv:2112.11391. Here it stands where the encoder takes its input, at the
encoder's frames, and gets the pitch that attention gets, controls included.
"""

from itertools import pairwise

import torch
from speechbrain.nnet.CNN import Conv1d

from speechbrain_pitchrope import inband

KERNEL_SIZE = 3
LAYERS = 2


class PitchConvolutions(torch.nn.Module):
    """Convolutions over the pitch channels: zeros in, zeros out.

    They are causal, so that an encoder trained on whole utterances or on chunks, and
    one that streams, compute the same from a few frames of history; attention and the
    encoder's own convolutions look ahead. There are no biases, and a frame whose
    channels are four zeros gets zeros whatever its neighbours: zero stays neutral, and
    padding adds nothing, after training too.

    Arguments
    ---------
    n_channels : int
        Channels of the output and in between.

    Example
    -------
    >>> net = PitchConvolutions(32)
    >>> net(torch.rand(2, 50, 4)).shape
    torch.Size([2, 50, 32])
    """

    history = LAYERS * (KERNEL_SIZE - 1)
    """Frames before a frame that its output depends on."""

    def __init__(self, n_channels):
        super().__init__()
        sizes = (inband.N_CHANNELS, *[n_channels] * LAYERS)
        self.layers = torch.nn.ModuleList(
            Conv1d(
                out_channels,
                KERNEL_SIZE,
                in_channels=in_channels,
                padding="causal",
                bias=False,
                conv_init="kaiming",
            )
            for in_channels, out_channels in pairwise(sizes)
        )

    def forward(self, channels):
        """[B, T, 4] -> [B, T, n_channels]."""
        x = channels
        for layer in self.layers:
            x = torch.nn.functional.gelu(layer(x))
        return x * inband.present(channels)


class PitchInput(torch.nn.Module):
    """Adds what convolutions make of pitch to the encoder's input.

    The projection starts at zero, and with it the output is the input.

    Arguments
    ---------
    n_channels : int
        Channels of the convolutions.
    d_model : int
        Size of the encoder's frames.

    Example
    -------
    >>> net = PitchInput(32, d_model=144)
    >>> src, channels = torch.rand(2, 50, 144), torch.rand(2, 50, 4)
    >>> torch.equal(net(src, channels), src)
    True
    """

    history = PitchConvolutions.history

    def __init__(self, n_channels, d_model):
        super().__init__()
        self.convolutions = PitchConvolutions(n_channels)
        self.projection = torch.nn.Linear(n_channels, d_model, bias=False)
        torch.nn.init.zeros_(self.projection.weight)

    def forward(self, src, channels):
        """Add pitch to the last frames of a stretch of pitch.

        Arguments
        ---------
        src : torch.Tensor
            Input of the encoder, shape [B, T, d_model].
        channels : torch.Tensor
            Pitch channels of the same frames, and when streaming of those before them,
            shape [B, H + T, 4]; H = 0 is the start of an utterance.

        Returns
        -------
        torch.Tensor
            Shape [B, T, d_model].
        """
        added = self.projection(self.convolutions(channels))
        return src + added[:, -src.shape[1] :]
