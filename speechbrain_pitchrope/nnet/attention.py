"""Pitch-aware rotary attention."""

import math

import torch
from speechbrain.nnet.attention import RoPEMHA

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import TRANSFORMER
from speechbrain_pitchrope.nnet import kernels, rotary
from speechbrain_pitchrope.nnet.similarity import PARAMETERS, SIMILARITY

CHOICES = {
    "theta": (*rotary.THETA, "none"),
    "similarity": tuple(SIMILARITY),
    "radius": (*rotary.RADIUS, "none"),
    "frequencies": tuple(rotary.FREQUENCIES),
}
"""The settings of ``PitchRoPEMHA`` and their values."""


class PitchRoPEMHA(RoPEMHA):
    """SpeechBrain's RoPEMHA with pitch brought in in three ways, each a switch.

    The formulas are in ``speechbrain_pitchrope.nnet.rotary``. Every term of ours starts
    at zero: but for ``frequencies="mel"``, a new module gives RoPEMHA's output whatever
    the pitch, and RoPEMHA's checkpoints load into it (``strict=False``).

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

    PITCH_PARAMETERS = (
        *dict.fromkeys(form.parameter for form in rotary.THETA.values()),
        *(f"similarity_{name}" for name in PARAMETERS),
        "radius_slope",
    )
    """What a state dict of ours can hold that RoPEMHA's does not."""

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        vbias=False,
        theta="offset",
        similarity="cosines",
        radius="exp",
        frequencies="rope",
    ):
        super().__init__(embed_dim, num_heads, dropout, vbias)
        self.theta, self.similarity, self.radius = theta, similarity, radius
        self.frequencies = frequencies
        for setting, choices in CHOICES.items():
            found = getattr(self, setting)
            if found not in choices:
                raise ValueError(
                    f"{setting} is {found!r}: choose one of "
                    f"{', '.join(map(repr, choices))}"
                )
        if self.head_dim % 2:
            raise ValueError(
                f"a head has {self.head_dim} dimensions ({embed_dim} / {num_heads}): "
                "rotary attention needs an even number"
            )
        pairs = self.head_dim // 2
        if theta != "none":
            zeros = torch.nn.Parameter(torch.zeros(num_heads, pairs))
            self.register_parameter(rotary.THETA[theta].parameter, zeros)
        for name in SIMILARITY[similarity].parameters:
            shape, start = PARAMETERS[name]
            value = torch.nn.Parameter(torch.full((num_heads, *shape), start))
            self.register_parameter(f"similarity_{name}", value)
        if radius != "none":
            _, n_slopes = rotary.RADIUS[radius]
            zeros = torch.zeros(num_heads, pairs, n_slopes)
            self.radius_slope = torch.nn.Parameter(zeros)
        self.register_state_dict_post_hook(_note_forms)
        self.register_load_state_dict_pre_hook(_refuse_other_forms)
        self._unmodulated_angles = kernels.Table(self._make_angles)
        self._bias_table = kernels.Table(self._make_bias_table)

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
        """Compute self-attention.

        Arguments
        ---------
        query, key, value : torch.Tensor
            The same frames three times, shape [B, T, embed_dim].
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
            Fused kernels don't give the attention weights; ``attention_weights`` does.
        """
        self._check_inputs(query, key, value, attn_mask, pos_embs)
        projected = self._project(query)
        # Angles need single precision, also under autocast.
        dtype = torch.promote_types(projected.dtype, torch.float32)
        with torch.autocast(projected.device.type, enabled=False):
            pitch = None if pos_embs is None else inband.unpack(pos_embs.to(dtype))
            log_radius, theta = self.polar(projected.shape[1], pitch, dtype)
            columns = None if pitch is None else self._columns(pitch, self.scale)
            padding = None if key_padding_mask is None else key_padding_mask.bool()
            fold = kernels.fold if torch.compiler.is_compiling() else kernels.fast_fold
            folded = fold(projected, log_radius, theta, columns, padding, self.scale)
            mask = self._mask(attn_mask, pitch, projected.dtype)
        dropout_p = self.dropout if self.training else 0.0
        x = kernels.attend(*folded, padding, mask, self.head_dim, dropout_p, self.scale)
        out = self.out_proj(x.flatten(2))
        return (out, None) if return_attn_weights else out

    def polar(self, n_frames, pitch=None, dtype=torch.float32):
        """log r and theta of ``n_frames`` frames, [B, T, H, head_dim / 2].

        ``log r`` is None where every r is 1; theta is [T, 1, head_dim / 2] where pitch
        has no part in it, as without ``pitch``.
        """
        device = self.out_proj.weight.device
        unmodulated = self._unmodulated_angles(max(n_frames, 2), dtype, device)
        # Frame 1 is at the angles omega.
        log_radius, theta, omega = None, unmodulated[:n_frames], unmodulated[1]
        if pitch is not None and self.theta != "none":
            angles = rotary.THETA[self.theta].angles
            theta = angles(pitch, self.rate(dtype), theta, omega)
        if pitch is not None and self.radius != "none":
            log_radii, _ = rotary.RADIUS[self.radius]
            log_radius = log_radii(pitch, self.radius_slope.to(dtype))
        return log_radius, theta

    def rate(self, dtype=torch.float32):
        """What pitch does to the angles: c of "offset" in radians an octave, else a."""
        form = rotary.THETA[self.theta]
        return form.value(getattr(self, form.parameter).to(dtype))

    def similarity_bias(self, pitch):
        """The bias as a matrix [B, H, T, T]; for figures, and for "laplacian"."""
        form = SIMILARITY[self.similarity]
        if form.dense is not None:
            return form.dense(pitch, **self._bias_parameters(pitch.log_f0.dtype))
        if form.columns is None:
            n_batch, n_frames = pitch.log_f0.shape
            return pitch.log_f0.new_zeros(n_batch, self.num_heads, n_frames, n_frames)
        return torch.einsum("bmhc,bnhc->bhmn", *self._columns(pitch))

    @torch.no_grad()
    def attention_weights(
        self, x, pos_embs=None, key_padding_mask=None, attn_mask=None
    ):
        """Weights [B, H, T, T] of frames x, without dropout, for figures.

        A row is a query; ``forward`` builds no such matrix.
        """
        dtype = torch.promote_types(x.dtype, torch.float32)
        pitch = None if pos_embs is None else inband.unpack(pos_embs.to(dtype))
        rotation = rotary.polar(*self.polar(x.shape[1], pitch, dtype))
        query, key, _ = self._project(x).to(dtype).chunk(3, -1)
        query, key = (
            torch.cat(rotary.rotate(part, *rotation), -1) for part in (query, key)
        )
        logits = self.scale * torch.einsum("bmhd,bnhd->bhmn", query, key)
        if pitch is not None:
            logits = logits + self.similarity_bias(pitch)
        if key_padding_mask is not None:
            padding = key_padding_mask.bool()[:, None, None]
            logits = logits.masked_fill(padding, -torch.inf)
        if attn_mask is not None:
            logits = logits.masked_fill(attn_mask, -torch.inf)
        return logits.softmax(-1)

    def _bias_parameters(self, dtype):
        names = SIMILARITY[self.similarity].parameters
        return {name: getattr(self, f"similarity_{name}").to(dtype) for name in names}

    def _mask(self, attn_mask, pitch, dtype):
        """The mask as the kernel wants it; a dense bias stands in it as numbers."""
        allowed = None if attn_mask is None else ~attn_mask
        if pitch is None or SIMILARITY[self.similarity].dense is None:
            return allowed
        bias = self.similarity_bias(pitch).to(dtype)
        return bias if allowed is None else bias.masked_fill(~allowed, -math.inf)

    def _columns(self, pitch, scale=1.0):
        """What stands beside q and k, each [B, T, H, 7], or None: the bias."""
        form, u = SIMILARITY[self.similarity], pitch.log_f0
        if form.columns is None:
            return None
        table = self._bias_table(2, u.dtype, u.device)
        return form.columns(pitch, table, scale, **self._bias_parameters(u.dtype))

    def _make_angles(self, n_frames, dtype, device):
        omega = rotary.FREQUENCIES[self.frequencies](self.head_dim, dtype, device)
        return rotary.unmodulated_angles(n_frames, omega)

    def _make_bias_table(self, _n_rows, dtype, device):
        table = SIMILARITY[self.similarity].table
        return torch.tensor(table, dtype=dtype, device=device)

    def _project(self, x):
        """RoPEMHA's q, k and v of each head side by side, [B, T, H, 3 head_dim]."""
        projected = torch.nn.functional.linear(x, self.in_proj_weight)
        projected = projected.unflatten(-1, (self.num_heads, -1))
        if self.vbias is not None:
            bias = self.value_bias_weight.view(self.num_heads, -1)
            bias = torch.nn.functional.pad(bias, (2 * self.head_dim, 0))
            projected = projected + bias
        return projected

    def _check_inputs(self, query, key, value, attn_mask, pos_embs):
        for x in (key, value):
            if x is not query and (x.shape != query.shape or not torch.equal(x, query)):
                raise ValueError(
                    "PitchRoPEMHA is self-attention: give the same tensor as query, "
                    f"key and value; theirs are of shape {list(query.shape)}, "
                    f"{list(key.shape)} and {list(value.shape)} and differ"
                )
        if attn_mask is not None and attn_mask.dtype != torch.bool:
            raise ValueError(
                f"attn_mask is of {attn_mask.dtype}, expected torch.bool with True "
                "where a query must not see a key"
            )
        expected = (*query.shape[:2], inband.N_CHANNELS)
        if pos_embs is not None and pos_embs.shape != expected:
            raise ValueError(
                f"PitchRoPEMHA found pos_embs of shape {list(pos_embs.shape)}, "
                f"expected pitch channels {list(expected)} "
                f"({', '.join(inband.CHANNELS)}): "
                f"{TRANSFORMER.advice}, with attention_type: RoPEMHA"
            )


def _note_forms(net, state_dict, prefix, local_metadata):
    """Put the forms into the metadata of a state dict; some share parameter names."""
    local_metadata["forms"] = {switch: getattr(net, switch) for switch in CHOICES}


def _refuse_other_forms(
    net, state_dict, prefix, local_metadata, strict, missing, unexpected, errors
):
    """Name the enhancement whose weights in a file are those of another form."""
    own = {name for name, _ in net.named_parameters()}
    found = {key for key in net.PITCH_PARAMETERS if prefix + key in state_dict}
    for switch in CHOICES:
        ours = {name for name in own if name.startswith(switch)}
        theirs = {name for name in found if name.startswith(switch)}
        form = getattr(net, switch)
        noted = local_metadata.get("forms", {}).get(switch, form)
        differ = noted != form and "none" not in (noted, form)
        if differ or (ours and theirs and ours != theirs):
            trained = noted if differ else ", ".join(sorted(theirs))
            errors.append(
                f"{prefix[:-1] or type(net).__name__} is of {switch}: {form}, and the "
                f"weights are of another form, with {trained}: give the model the "
                f"{switch} that the weights were trained with"
            )
