"""Tokens in chunks give the text of all tokens."""

import random

import pytest
import sentencepiece

from speechbrain_pitchrope.tokenizers.SentencePiece import (
    StreamingContext,
    decode_streaming,
)

WORDS = "THE QUICK BROWN FOX JUMPS OVER A LAZY DOG'S BACK".split()


@pytest.fixture(scope="module", params=["char", "unigram", "bpe"])
def tokenizer(request, tmp_path_factory):
    prefix = str(tmp_path_factory.mktemp("tokenizer") / "model")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(WORDS)] * 10),
        **dict(model_prefix=prefix, model_type=request.param, vocab_size=40),
        **dict(hard_vocab_limit=False, unk_id=0, bos_id=1, eos_id=2, minloglevel=2),
    )
    return sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_chunks_give_the_text_of_the_whole(tokenizer, size):
    draw = random.Random(0)
    sentence = tokenizer.encode(" ".join(draw.choices(WORDS, k=12)))
    noise = [draw.choice((0, *range(3, len(tokenizer)))) for _ in range(200)]
    for tokens in (sentence, noise, []):
        context = StreamingContext()
        chunks = [tokens[i : i + size] for i in range(0, len(tokens), size)]
        # A chunk of silence now and then.
        chunks = [chunk for some in chunks for chunk in ([], some)]
        texts = [decode_streaming(tokenizer, chunk, context) for chunk in chunks]
        assert "".join(texts) == tokenizer.decode_ids(tokens)


def test_words_come_with_their_space(tokenizer):
    context = StreamingContext()
    words = [tokenizer.encode(word) for word in ("LAZY", "FOX")]
    texts = [decode_streaming(tokenizer, word, context) for word in words]
    assert texts == ["LAZY", " FOX"]
