"""Normalisation of features that carry pitch: the mels are normalised, pitch is not."""

import torch
from speechbrain.processing.features import InputNormalization, make_padding_mask

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import AUGMENTER, FBANK


class PitchInputNormalization(InputNormalization):
    """SpeechBrain's InputNormalization for features with pitch channels behind them.

    The channels before pitch are normalised exactly as upstream does, with the same
    statistics in the same checkpoint file. The pitch channels are in natural units
    already, and zero must stay neutral in them: they pass through, and become zero in
    the padding.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.processing.features.InputNormalization``.
    n_features : int, optional
        How many channels to normalise: all before pitch if not given. What rides
        behind them passes through.

    Example
    -------
    >>> normalize = PitchInputNormalization(norm_type="sentence")
    >>> mels, pitch = 7 + 3 * torch.randn(2, 50, 80), torch.rand(2, 50, 4)
    >>> out = normalize(torch.cat((mels, pitch), -1), torch.tensor([1.0, 0.5]))
    >>> torch.equal(out[0, :, 80:], pitch[0])
    True
    >>> out[1, 25:, 80:].any().item()
    False
    """

    def __init__(self, *args, n_features=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_features = n_features
        self.first_batches = inband.FirstBatches(self)

    def forward(self, x, lengths=None, epoch=None):
        """Normalise the channels before pitch of x [B, T, F + 4]; else as upstream."""
        if self.first_batches.one_more():
            inband.require_range(x, type(self).__name__, (FBANK, AUGMENTER))
        mels, riders = inband.split(x, self.n_features)
        mels = super().forward(mels, lengths, epoch)
        return inband.append(mels, riders * make_padding_mask(riders, lengths))

    def _load_statistics_dict(self, state):
        """As upstream, which loads its checkpoints through this; checks start again."""
        self.first_batches.start()
        return super()._load_statistics_dict(state)

    def _update_global_stats(self, x, mask):
        """As upstream; a value that is not finite counts as the mean so far."""
        mean = self.glob_mean.to(x.device) if self.count else x.new_zeros(())
        super()._update_global_stats(torch.where(x.isfinite(), x, mean), mask)
