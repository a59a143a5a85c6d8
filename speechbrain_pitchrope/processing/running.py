"""Minimum, maximum and mean over each frame and those before it, by doubling.

None of them depends on where the first frame is, so a chunk gives what the whole gives.
"""

import torch


def running_minimum(x, n_frames):
    """Minimum over each frame and the ``n_frames - 1`` before it, by doubling.

    Arguments
    ---------
    x : torch.Tensor
        Shape [..., T].
    n_frames : int
        Length of the window.

    Returns
    -------
    torch.Tensor
        Shape of ``x``.

    Example
    -------
    >>> running_minimum(torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0]), 3)
    tensor([3., 1., 1., 1., 2.])
    """
    n_frames = min(n_frames, x.shape[-1])
    width = 1
    while width < n_frames:
        shift = min(width, n_frames - width)
        later = torch.minimum(x[..., shift:], x[..., :-shift])
        x = torch.cat((x[..., :shift], later), dim=-1)
        width += shift
    return x


def running_maximum(x, n_frames):
    """Maximum over each frame and the ``n_frames - 1`` before it, shape [..., T]."""
    return -running_minimum(-x, n_frames)


def running_mean(x, n_frames):
    """Mean over each frame and up to ``n_frames - 1`` before it, shape [..., T].

    Example
    -------
    >>> running_mean(torch.tensor([3.0, 1.0, 2.0, 6.0]), 3)
    tensor([3., 2., 2., 3.])
    """
    count = torch.arange(1, x.shape[-1] + 1, device=x.device).clamp(max=n_frames)
    total, covered, width = torch.zeros_like(x), 0, 1
    while n_frames:  # sums of 1, 2, 4 ... frames, those that add up to n_frames
        if n_frames % 2:
            total = total + _earlier(x, covered)
            covered += width
        n_frames //= 2
        if n_frames:
            x = x + _earlier(x, width)
            width *= 2
    return total / count


def _earlier(x, n_frames):
    """What was n_frames before each frame, 0 before the first."""
    return torch.nn.functional.pad(x, (n_frames, 0))[..., : x.shape[-1]]
