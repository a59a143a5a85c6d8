"""Quantisers of features that carry pitch: codes of the mels alone."""

from speechbrain.nnet.quantisers import RandomProjectionQuantizer

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import FBANK


class PitchRandomProjectionQuantizer(RandomProjectionQuantizer):
    """SpeechBrain's RandomProjectionQuantizer for stacked features with pitch.

    BEST-RQ stacks a few frames to one vector and has the model predict its code. Here
    pitch is taken out of each stacked frame first: under the same seed, codes and
    buffers are upstream's on the mels alone, so checkpoints fit, and what is predicted
    is the same with and without pitch.

    Arguments
    ---------
    input_dim : int
        Channels without pitch: n_mels times the number of stacked frames, as upstream.
    cb_dim, cb_vocab : int
        Size of each code, and number of codes.

    Example
    -------
    >>> import torch
    >>> quantiser = PitchRandomProjectionQuantizer(4 * 80, 16, 32)
    >>> features = torch.rand(2, 48, 80 + 4)
    >>> quantiser(features.view(2, 12, -1)).shape
    torch.Size([2, 12])
    """

    def forward(self, x):
        """Find the codes [B, T] of stacked features [B, T, n * (n_mels + 4)]."""
        width = x.shape[-1]
        stacked, rest = divmod(width - self.input_dim, inband.N_CHANNELS)
        if stacked < 1 or rest or self.input_dim % stacked:
            mistake = (
                f"The pitch channels are missing: {FBANK.advice}."
                if width == self.input_dim
                else "Make input_dim n_mels times the number of stacked frames "
                "(pad_to_divisible_by), without pitch."
            )
            raise ValueError(
                f"{type(self).__name__} found {width} channels, expected its input_dim "
                f"of {self.input_dim} and {inband.N_CHANNELS} pitch channels for each "
                f"stacked frame. {mistake}"
            )
        mels, _ = inband.split(x.unflatten(-1, (stacked, -1)))
        return super().forward(mels.flatten(-2))
