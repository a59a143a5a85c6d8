"""Batches that give, utterance by utterance, what each utterance gives alone.

SpeechBrain's padded batches don't quite: convolutions at the end of an utterance see
its padding in place of its mirror image, and a relative length times a padded length is
rounded, up or down. That changes few frames, and now and then a letter. These two
classes take the padding off first, so that ``transcribe_batch`` and ``transcribe_file``
of the inference interfaces give the same text. They cost a batch its parallelism:
SpeechBrain's own classes stand in for them where that matters more.
"""

import inspect
import math

import torch
from speechbrain.nnet.containers import LengthsCapableSequential

LENGTHS = ("lengths", "wav_lens")
"""What layers call relative lengths."""

CERTAIN = -1e4
"""Log-probability of all that is not blank in a frame of padding."""


class RowwiseSequential(LengthsCapableSequential):
    """LengthsCapableSequential for waveforms, free of padding.

    Rows of equal length go through the layers together, others apart.

    Arguments
    ---------
    blank_index : int, optional
        If the layers end in log-probabilities of CTC, the index of blank: behind each
        row come frames in which blank is certain, as many as make it whole for
        searches that round its length down. If not given, rows are padded by zeros,
        which ``RowwiseSearch`` takes off.
    **layers : torch.nn.Module
        The layers in turn. Those that take ``lengths`` or ``wav_lens`` are told 1.

    Example
    -------
    >>> from speechbrain.lobes.features import Fbank
    >>> net = RowwiseSequential(compute_features=Fbank())
    >>> wavs = torch.rand(2, 16000)
    >>> wavs[1, 8000:] = 0
    >>> both = net(wavs, torch.tensor([1.0, 0.5]))
    >>> torch.equal(both[1, :51], net(wavs[1:, :8000])[0]), both[1, 51:].any().item()
    (True, False)
    """

    def __init__(self, blank_index=None, **layers):
        super().__init__(**layers)
        self.blank_index = blank_index

    def forward(self, wavs, lengths=None):
        """Run the layers on each row.

        Arguments
        ---------
        wavs : torch.Tensor
            Samples, shape [B, N].
        lengths : torch.Tensor, optional
            Relative lengths, shape [B]; all 1 if not given.

        Returns
        -------
        torch.Tensor
            Shape [B, T, ...], T that of the longest row, or more with a blank_index.
        """
        if lengths is None:
            lengths = torch.ones(len(wavs), device=wavs.device)
        n_samples = (lengths.double() * wavs.shape[1]).round().long().tolist()
        outputs = [None] * len(wavs)
        for n in set(n_samples):
            rows = [row for row, found in enumerate(n_samples) if found == n]
            ones = torch.ones(len(rows), device=wavs.device)
            for row, output in zip(
                rows, self._through_layers(wavs[rows, :n], ones), strict=True
            ):
                outputs[row] = output
        if self.blank_index is None:
            return torch.nn.utils.rnn.pad_sequence(outputs, batch_first=True)
        return self._with_blanks(outputs, lengths.tolist())

    def _through_layers(self, x, ones):
        """Upstream's forward; it knows of ``wav_lens`` since SpeechBrain 1.1.1."""
        for layer in self.values():
            taken = inspect.signature(layer.forward).parameters
            names = [name for name in LENGTHS if name in taken]
            x = layer(x, **dict.fromkeys(names[:1], ones))
            x = x[0] if isinstance(x, tuple) else x
        return x

    def _with_blanks(self, outputs, lengths):
        """Pad so that a row's share of the padded length is never below its own."""
        n_frames = max(
            math.ceil(len(output) / length) + (length < 1)
            for output, length in zip(outputs, lengths, strict=True)
        )
        padded = outputs[0].new_full(
            (len(outputs), n_frames, outputs[0].shape[-1]), CERTAIN
        )
        padded[..., self.blank_index] = 0.0
        for row, output in zip(padded, outputs, strict=True):
            row[: len(output)] = output
        return padded


class RowwiseSearch(torch.nn.Module):
    """A sequence-to-sequence search that decodes the rows of a batch one by one.

    Arguments
    ---------
    search : speechbrain.decoders.seq2seq.S2SBaseSearcher
        The search; one hypothesis a row (``return_topk: False``).

    Example
    -------
    >>> frames = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [0.0], [0.0]]])
    >>> def search(states, lengths):
    ...     return [states[0, :, 0].tolist()], lengths, lengths, states[..., 0]
    >>> hyps, lengths, scores, log_probs = RowwiseSearch(search)(frames)
    >>> hyps
    [[1.0, 2.0, 3.0], [4.0]]
    """

    def __init__(self, search):
        super().__init__()
        self.search = search

    def forward(self, enc_states, wav_len=None):
        """Decode a batch.

        Arguments
        ---------
        enc_states : torch.Tensor
            What a ``RowwiseSequential`` gives, shape [B, T, d_model]: padding is
            zeros, and no frame before it is.
        wav_len : torch.Tensor, optional
            Not needed: lengths are told by the padding.

        Returns
        -------
        tuple
            As upstream's: hypotheses, their lengths, scores and log-probabilities.
        """
        results = [
            self.search(row[None], row.new_ones(1)) for row in self._rows(enc_states)
        ]
        hyps, lengths, scores, log_probs = zip(*results, strict=True)
        return (
            [hyp for row in hyps for hyp in row],
            torch.cat(lengths),
            torch.cat(scores),
            torch.nn.utils.rnn.pad_sequence([row[0] for row in log_probs], True),
        )

    @staticmethod
    def _rows(enc_states):
        """Each row without its padding, [T, d_model]."""
        return [row[: int(row.any(-1).sum())] for row in enc_states]


class RowwiseTransducerSearch(RowwiseSearch):
    """A transducer's search that decodes the rows of a batch one by one.

    Arguments
    ---------
    search : speechbrain.decoders.transducer.TransducerBeamSearcher
        The search; upstream's would decode padding too.

    Example
    -------
    >>> def search(states):
    ...     return [states[0, :, 0].tolist()], states.sum(), None, None
    >>> frames = torch.tensor([[[1.0], [2.0]], [[4.0], [0.0]]])
    >>> hyps, scores, _, _ = RowwiseTransducerSearch(search)(frames)
    >>> hyps, scores
    ([[1.0, 2.0], [4.0]], tensor([3., 4.]))
    """

    def forward(self, enc_states, wav_len=None):
        """Decode a batch.

        Arguments
        ---------
        enc_states : torch.Tensor
            As of ``RowwiseSearch``.
        wav_len : torch.Tensor, optional
            Not needed.

        Returns
        -------
        hyps : list of list of int
            The best hypothesis of each row.
        scores : torch.Tensor
            What upstream gives as their score, shape [B].
        nbest, nbest_scores : list
            More of them, as upstream gives them for each row.
        """
        results = [self.search(row[None]) for row in self._rows(enc_states)]
        hyps, scores, nbest, nbest_scores = zip(*results, strict=True)
        scores = torch.stack([torch.as_tensor(score).squeeze() for score in scores])
        return [hyp for row in hyps for hyp in row], scores, [*nbest], [*nbest_scores]
