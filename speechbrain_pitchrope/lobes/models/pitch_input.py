"""A convolutional front end for pitch alone, beside the one for the spectrum.

Separate front ends for spectral and prosodic features did better than one for both in
G. Cámbara et al., "Voice Quality and Pitch Features in Transformer-Based Speech
Recognition", arXiv:2112.11391. Here it stands where the encoder takes its input, at the
encoder's frames, and gets the pitch that attention gets, controls included.
"""

from itertools import pairwise

import torch
from speechbrain.nnet.CNN import Conv1d
from speechbrain.nnet.containers import ModuleList

from speechbrain_pitchrope import inband

KERNEL_SIZE = 3
LAYERS = 2


class PitchStream(torch.nn.Module):
    """Pitch channels to the encoder's size: convolutions and a projection.

    The convolutions are causal, so that an encoder trained on whole utterances or on
    chunks, and one that streams, compute the same from a few frames of history;
    attention and the encoder's own convolutions look ahead. There are no biases, and a
    frame whose channels are four zeros gets zeros whatever its neighbours: zero stays
    neutral, and padding adds nothing, after training too.
    """

    history = LAYERS * (KERNEL_SIZE - 1)
    """Frames before a frame that its output depends on."""

    def __init__(self, d_model, n_channels):
        super().__init__()
        sizes = (inband.N_CHANNELS, *[n_channels] * LAYERS)
        self.convolutions = ModuleList(
            *(
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
        )
        self.projection = torch.nn.Linear(n_channels, d_model, bias=False)

    def forward(self, channels):
        """[B, T, 4] -> [B, T, d_model]."""
        x = channels
        for layer in self.convolutions.layers:
            x = torch.nn.functional.gelu(layer(x))
        return self.projection(x * inband.present(channels))


class PitchInput(PitchStream):
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

    def __init__(self, n_channels, d_model):
        super().__init__(d_model, n_channels)
        torch.nn.init.zeros_(self.projection.weight)

    def forward(self, src, channels):
        """Add pitch [B, H + T, 4] to the frames [B, T, d_model] that it ends with.

        H frames of history come before them when streaming; H = 0 is the start.
        """
        return src + super().forward(channels)[:, -src.shape[1] :]
