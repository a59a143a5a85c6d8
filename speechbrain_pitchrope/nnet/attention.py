"""Pitch-aware rotary attention."""

import math

import torch
from speechbrain.nnet.attention import RoPEMHA

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import TRANSFORMER
from speechbrain_pitchrope.nnet import fused, kernels, rotary
from speechbrain_pitchrope.nnet.similarity import SIMILARITY

MASKED = -1e4
"""What a padded key adds to its logits; small enough for float16, and exp(-1e4) = 0."""


class PitchRoPEMHA(RoPEMHA):
    """SpeechBrain's RoPEMHA with pitch brought in in three ways, each a switch.

    The formulas are in ``speechbrain_pitchrope.nnet.rotary``. Every parameter of ours
    starts at zero (a bandwidth excepted, which then has no effect): a new module gives
    RoPEMHA's output whatever the pitch, and RoPEMHA's checkpoints load into it.

    Arguments
    ---------
    embed_dim : int
        Size of the encoder's frames.
    num_heads : int
        Number of attention heads; embed_dim / num_heads must be even.
    dropout : float
        Dropout rate of the attention weights.
    vbias : bool
        Whether to add a bias to the values.
    vdim : int, optional
        Size of the values: embed_dim, as in RoPEMHA.
    theta : str
        "offset": pitch is a second rotary axis beside time. "phase": rotary clocks run
        at a rate that follows pitch. "utterance": one rate an utterance, by its
        register. "frame": pitch scales positions (not relative). "none": RoPE's.
    similarity : str
        "cosines": a bias by how far a key's pitch is from the query's, and on which
        side. "even_cosines": by its distance alone. "odd_cosines": by the side alone.
        "gaussian": by distance, in a wide bell. "laplacian": in a peaked one, as a
        dense T x T bias. "none": no bias.
    radius : str
        "exp": pitch, voicing and loudness scale queries and keys. "sigmoid": voicing
        alone does. "none": radius 1.
    frequencies : str
        "rope", or "mel" for rotary frequencies evenly spaced in mel: not RoPE then.

    Example
    -------
    >>> x, pitch = torch.rand(6, 60, 512), torch.rand(6, 60, 4)
    >>> net = PitchRoPEMHA(embed_dim=512, num_heads=8)
    >>> outputs, _ = net(x, x, x, pos_embs=pitch)
    >>> outputs.shape
    torch.Size([6, 60, 512])
    """

    PITCH_PARAMETERS = tuple(
        dict.fromkeys(
            (
                *(form.parameter for form in rotary.THETA.values()),
                *(name for form in SIMILARITY.values() for name in form.parameters),
                "radius_slope",
            )
        )
    )
    """What a state dict of ours can hold that RoPEMHA's does not."""

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        vbias=False,
        vdim=None,
        theta="offset",
        similarity="cosines",
        radius="exp",
        frequencies="rope",
    ):
        super().__init__(embed_dim, num_heads, dropout, vbias, vdim)
        _check_choice("theta", theta, (*rotary.THETA, "none"))
        _check_choice("similarity", similarity, SIMILARITY)
        _check_choice("radius", radius, (*rotary.RADIUS, "none"))
        _check_choice("frequencies", frequencies, rotary.FREQUENCIES)
        if self.head_dim % 2:
            raise ValueError(
                f"a head has {self.head_dim} dimensions ({embed_dim} / {num_heads}): "
                "rotary attention needs an even number"
            )
        if self.vdim != embed_dim:
            raise ValueError(
                f"vdim is {vdim}: RoPEMHA computes values of size embed_dim only, "
                f"{embed_dim}; leave vdim out"
            )
        self.theta, self.similarity, self.radius = theta, similarity, radius
        self.frequencies = frequencies
        pairs = self.head_dim // 2
        if theta != "none":
            zeros = torch.nn.Parameter(torch.zeros(num_heads, pairs))
            self.register_parameter(rotary.THETA[theta].parameter, zeros)
        for name, (shape, start) in SIMILARITY[similarity].parameters.items():
            value = torch.full((num_heads, *shape), start)
            self.register_parameter(name, torch.nn.Parameter(value))
        if radius != "none":
            n_slopes = rotary.RADIUS[radius].n_slopes
            self.radius_slope = torch.nn.Parameter(
                torch.zeros(num_heads, pairs, n_slopes)
            )
        self.register_load_state_dict_pre_hook(_refuse_other_forms)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        attn_mask=None,
        pos_embs=None,
        return_attn_weights=True,
    ):
        """Compute attention.

        Arguments
        ---------
        query, key, value : torch.Tensor
            Shape [B, T, embed_dim].
        key_padding_mask : torch.Tensor, optional
            Shape [B, T], True for keys to ignore.
        attn_mask : torch.Tensor, optional
            Shape [T, T], True where a query (row) must not see a key (column).
        pos_embs : torch.Tensor, optional
            Pitch channels (``speechbrain_pitchrope.inband``), shape [B, T, 4]. None
            and zeros are plain RoPE.
        return_attn_weights : bool
            As in RoPEMHA: whether to return a pair.

        Returns
        -------
        out : torch.Tensor
            Shape [B, T, embed_dim].
        attn_score : None
            Fused kernels don't give the attention weights.

        Raises
        ------
        ValueError
            If ``pos_embs`` is not [B, T, 4], or query and key differ in length.
        """
        self._check_inputs(query, key, value, attn_mask, pos_embs)
        projected = self._project(query, key, value)
        # Angles need single precision, also under autocast.
        dtype = torch.promote_types(projected.dtype, torch.float32)
        with torch.autocast(projected.device.type, enabled=False):
            pitch = None if pos_embs is None else inband.unpack(pos_embs.to(dtype))
            log_radius, theta = self.polar(projected.shape[1], pitch, dtype)
            columns = self._columns(projected, pitch, key_padding_mask, dtype)
            fold = fused.fold if kernels.is_traced() else fused.fast_fold
            query, key, value = fold(projected, log_radius, theta, *columns)
            mask = self._mask(attn_mask, pitch, projected.dtype)
        x = kernels.attend(
            *(query, key, value, key_padding_mask, mask, self.vhead_dim),
            dropout_p=self.dropout if self.training else 0.0,
            scale=self.scale,
        )
        out = self.out_proj(x.flatten(2))
        return (out, None) if return_attn_weights else out

    def polar(self, n_frames, pitch=None, dtype=torch.float32):
        """log r and theta of every frame, head and pair.

        Arguments
        ---------
        n_frames : int
            Length T of the sequence.
        pitch : speechbrain_pitchrope.inband.Pitch, optional
            Channels of shape [B, T]; None for plain RoPE.
        dtype : torch.dtype
            torch.float32 or torch.float64.

        Returns
        -------
        log_radius : torch.Tensor or None
            Shape [B, T, H, head_dim / 2]; None where every r is 1.
        theta : torch.Tensor
            Radians, shape [B, T, H, head_dim / 2], or [T, 1, head_dim / 2] where pitch
            has no part in it.
        """
        spacing = rotary.FREQUENCIES[self.frequencies]
        omega = spacing(self.head_dim, dtype, self.out_proj.weight.device)
        log_radius, theta = None, rotary.unmodulated_angles(n_frames, omega)
        if pitch is not None and self.theta != "none":
            theta = rotary.THETA[self.theta].angles(pitch, self.rate(dtype), omega)
        if pitch is not None and self.radius != "none":
            slope = self.radius_slope.to(dtype)
            log_radius = rotary.RADIUS[self.radius].log_radii(pitch, slope)
        return log_radius, theta

    def rotation(self, n_frames, pitch=None, dtype=torch.float32):
        """r cos(theta) and r sin(theta), broadcastable to [B, T, H, head_dim / 2].

        Arguments
        ---------
        n_frames, pitch, dtype : int, speechbrain_pitchrope.inband.Pitch, torch.dtype
            As in ``polar``.

        Returns
        -------
        cosines, sines : torch.Tensor
        """
        return rotary.polar(*self.polar(n_frames, pitch, dtype))

    def rate(self, dtype=torch.float32):
        """What pitch does to the angles: c of "offset" in radians an octave, else a.

        Arguments
        ---------
        dtype : torch.dtype
            torch.float32 or torch.float64.

        Returns
        -------
        torch.Tensor
            Shape [H, head_dim / 2].

        Example
        -------
        >>> PitchRoPEMHA(embed_dim=8, num_heads=2).rate()
        tensor([[0., 0.],
                [0., 0.]], grad_fn=<MulBackward0>)
        """
        form = rotary.THETA[self.theta]
        return form.value(getattr(self, form.parameter).to(dtype))

    def bias_columns(self, pitch, scale=1.0):
        """Columns of q and k, each [B, T, H, 7], whose product is the bias / scale."""
        form = SIMILARITY[self.similarity]
        return form.columns(pitch, *self._bias_parameters(pitch.log_f0.dtype), scale)

    def _bias_parameters(self, dtype):
        names = SIMILARITY[self.similarity].parameters
        return [getattr(self, name).to(dtype) for name in names]

    def _mask(self, attn_mask, pitch, dtype):
        """The mask as the kernel wants it; a dense bias stands in it as numbers."""
        allowed = None if attn_mask is None else ~attn_mask
        dense = SIMILARITY[self.similarity].dense
        if pitch is None or dense is None:
            return allowed
        precise = self._bias_parameters(pitch.log_f0.dtype)
        bias = dense(pitch, *precise).to(dtype)
        return bias if allowed is None else bias.masked_fill(~allowed, -math.inf)

    def _columns(self, projected, pitch, key_padding_mask, dtype):
        """What stands beside q and k, each [B, T, H, n]: the bias, and the padding.

        It stands there before the kernel scales the product of q and k, so it is
        divided by the scale.
        """
        column = projected.new_zeros(*projected.shape[:3], 1, dtype=dtype)
        columns = [(column[..., :0], column[..., :0])]
        if pitch is not None and SIMILARITY[self.similarity].columns is not None:
            columns.append(self.bias_columns(pitch, self.scale))
        if key_padding_mask is not None:
            padding = key_padding_mask.bool()[:, :, None, None]
            key_column = column.masked_fill(padding, MASKED)
            columns.append((column + 1 / self.scale, key_column))
        return tuple(torch.cat(parts, -1) for parts in zip(*columns, strict=True))

    def _project(self, query, key, value):
        """RoPEMHA's q, k and v of each head side by side, [B, T, H, 3 head_dim]."""
        heads = (self.num_heads, -1)
        if _same(query, key) and _same(key, value):
            projected = torch.nn.functional.linear(query, self.in_proj_weight)
            projected = projected.unflatten(-1, heads)
        else:
            weights = self.in_proj_weight.chunk(3)
            parts = (
                torch.nn.functional.linear(x, w).unflatten(-1, heads)
                for x, w in zip((query, key, value), weights, strict=True)
            )
            projected = torch.cat(tuple(parts), -1)
        if self.vbias is not None:
            bias = self.value_bias_weight.view(heads)
            projected = projected + torch.nn.functional.pad(
                bias, (2 * self.head_dim, 0)
            )
        return projected

    def _check_inputs(self, query, key, value, attn_mask, pos_embs):
        if not query.shape[1] == key.shape[1] == value.shape[1]:
            raise ValueError(
                "PitchRoPEMHA is self-attention: query, key and value have "
                f"{query.shape[1]}, {key.shape[1]} and {value.shape[1]} frames, "
                "expected one length"
            )
        if attn_mask is not None and attn_mask.dtype != torch.bool:
            raise ValueError(
                f"attn_mask is of {attn_mask.dtype}, expected torch.bool with True "
                "where a query must not see a key"
            )
        if pos_embs is None:
            return
        expected = (*query.shape[:2], inband.N_CHANNELS)
        if tuple(pos_embs.shape) != expected:
            raise ValueError(
                f"PitchRoPEMHA found pos_embs of shape {list(pos_embs.shape)}, "
                f"expected pitch channels {list(expected)} "
                f"({', '.join(inband.CHANNELS)}): "
                f"{TRANSFORMER.advice}, with attention_type: RoPEMHA"
            )

    def extra_repr(self):
        """The three switches, for ``print(module)``."""
        return (
            f"theta={self.theta}, similarity={self.similarity}, radius={self.radius}, "
            f"frequencies={self.frequencies}"
        )


def _refuse_other_forms(
    net, state_dict, prefix, local_metadata, strict, missing, unexpected, errors
):
    """Name the enhancement whose weights in a file are those of another form."""
    own = {name for name, _ in net.named_parameters()}
    found = {key for key in net.PITCH_PARAMETERS if prefix + key in state_dict}
    for switch in ("theta", "similarity"):
        ours = {name for name in own if name.startswith(switch)}
        theirs = {name for name in found if name.startswith(switch)}
        if ours and theirs and ours != theirs:
            errors.append(
                f"{prefix[:-1] or type(net).__name__} is of {switch}: "
                f"{getattr(net, switch)}, which has {', '.join(sorted(ours))}, and the "
                f"weights are of another form, with {', '.join(sorted(theirs))}: give "
                f"the model the {switch} that the weights were trained with"
            )


def _same(x, y):
    return x is y or (x.shape == y.shape and torch.equal(x, y))


def _check_choice(name, found, choices):
    if found not in choices:
        raise ValueError(
            f"{name} is {found!r}: choose one of {', '.join(map(repr, choices))}"
        )
