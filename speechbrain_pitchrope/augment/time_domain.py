"""Augmentation of waveforms whose pitch is known already."""

import torch
from speechbrain.augment.time_domain import SpeedPerturb

from speechbrain_pitchrope import inband


def perturb_speed(f0_hz, voicing, speed, n_frames):
    """The contour of audio that is played faster or slower: f0'(t) = s f0(s t).

    Between two voiced frames f0 is interpolated in octaves, between a voiced and an
    unvoiced one it is that of the voiced; voicing is interpolated as it is. f0 is 0
    where voicing ends up below 0.5.

    Arguments
    ---------
    f0_hz : torch.Tensor
        f0 in Hz of the original, 0 where unvoiced, shape [..., T].
    voicing : torch.Tensor
        Its probability of voicing, 0 .. 1, shape [..., T].
    speed : float
        s, as a ratio: 1.1 is shorter and higher. 1 changes nothing.
    n_frames : int
        Frames of the perturbed audio.

    Returns
    -------
    f0_hz, voicing : torch.Tensor
        Shape [..., n_frames].

    Raises
    ------
    ValueError
        If the speed is not positive.

    Example
    -------
    >>> f0_hz = torch.tensor([0.0, 100.0, 100.0, 200.0, 200.0])
    >>> voicing = torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0])
    >>> perturb_speed(f0_hz, voicing, 2.0, 3)
    (tensor([  0., 200., 400.]), tensor([0., 1., 1.]))
    """
    if speed <= 0:
        raise ValueError(f"the speed is {speed}: expected a ratio above 0, like 1.1")
    # Beyond the last frame nothing is known: it is held.
    last = f0_hz.shape[-1] - 1
    source = speed * torch.arange(n_frames, dtype=torch.float64, device=f0_hz.device)
    source = source.clamp(max=last)
    left = source.long()
    right = (left + 1).clamp(max=last)
    share = (source - left).to(f0_hz.dtype)

    voicing = torch.lerp(voicing[..., left], voicing[..., right], share)
    before, after = f0_hz[..., left], f0_hz[..., right]
    before, after = before.where(before > 0, after), after.where(after > 0, before)
    octaves = torch.log2(after / before.where(before > 0, torch.ones_like(before)))
    octaves = octaves.where(before > 0, torch.zeros_like(octaves))
    perturbed = speed * before * torch.exp2(share * octaves)
    return perturbed * (voicing >= inband.VOICED), voicing


class PitchSpeedPerturb(SpeedPerturb):
    """SpeechBrain's SpeedPerturb, which also tells a known contour where to go.

    Draws and samples are upstream's.

    Arguments
    ---------
    *args : tuple
        As of ``speechbrain.augment.time_domain.SpeedPerturb``.
    hop_length : float
        Milliseconds from frame to frame of the contour.
    **kwargs : dict
        As of ``speechbrain.augment.time_domain.SpeedPerturb``.

    Example
    -------
    >>> speed_perturb = PitchSpeedPerturb(16000, speeds=[110])
    >>> f0_hz, voicing = torch.full((111,), 100.0), torch.ones(111)
    >>> wavs = speed_perturb(torch.rand(1, 17600))
    >>> wavs.shape, round(speed_perturb.speed, 3)
    (torch.Size([1, 16000]), 1.1)
    >>> f0_hz, voicing = speed_perturb.follow(f0_hz, voicing, 16000)
    >>> f0_hz.shape, f0_hz[50].round()
    (torch.Size([101]), tensor(110.))
    """

    def __init__(self, *args, hop_length=10, **kwargs):
        super().__init__(*args, **kwargs)
        self.hop_length = round(self.orig_freq * hop_length / 1000)

    @property
    def speed(self):
        """The speed of the last call, as a ratio."""
        drawn = self.resamplers[self.samp_index]
        return drawn.orig_freq / drawn.new_freq

    def follow(self, f0_hz, voicing, n_samples):
        """The contour of what the last call gave.

        Arguments
        ---------
        f0_hz, voicing : torch.Tensor
            The contour of what that call was given, shape [..., T].
        n_samples : int
            Samples that it gave.

        Returns
        -------
        f0_hz, voicing : torch.Tensor
            Shape [..., n_samples // hop + 1].
        """
        n_frames = n_samples // self.hop_length + 1
        return perturb_speed(f0_hz, voicing, self.speed, n_frames)
