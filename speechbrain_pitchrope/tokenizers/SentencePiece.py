"""Text of SentencePiece tokens that come in chunks.

SpeechBrain's ``spm_decode_preserve_leading_space`` would do this, but asks for an
``immutable_proto``, which sentencepiece 0.2.3 refuses.
"""

from dataclasses import dataclass, field


@dataclass
class StreamingContext:
    """What one stream has to remember."""

    before: list = field(default_factory=list)
    """The last token that was no mere space, and the spaces behind it."""


def decode_streaming(tokenizer, tokens, context):
    """Text that a stream has gained: joined, it is that of all tokens.

    Arguments
    ---------
    tokenizer : sentencepiece.SentencePieceProcessor
        The tokenizer.
    tokens : list of int
        Tokens that a chunk has given, none or more.
    context : StreamingContext
        Of the stream; changed in place.

    Returns
    -------
    str
        With the space before it if the first token begins a word.
    """
    known = tokenizer.decode_ids(context.before)
    whole = [*context.before, *tokens]
    words = [i for i, token in enumerate(whole) if tokenizer.decode_ids([token])]
    context.before = whole[words[-1] :] if words else []
    return tokenizer.decode_ids(whole)[len(known) :]
