"""The importers of recipes/Tones, on made-up recordings."""

import numpy as np
import pytest
import soundfile
from mboshi_prepare import mboshi
from tone_layout import write_corpus
from tone_perfect_prepare import tone_perfect

SYLLABLES = ("lv", "ma")
SPEAKERS = ("FV1", "MV1", "MV2")


def tone(hz, rate, channels):
    wave = 0.4 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
    return np.stack([wave] * channels, 1)


def transcripts(root):
    """{split/speaker: {id: words}}, each id with its recording."""
    found = {}
    for path in root.rglob("*.trans.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, words = line.split(" ", 1)
            info = soundfile.info(path.parent / f"{name}.flac")
            assert (info.samplerate, info.channels, info.frames) == (16000, 1, 16000)
            assert name.split("-")[:2] == list(path.parent.parts[-2:])
            found.setdefault("/".join(path.parts[-4:-2]), {})[name] = words
    assert sum(map(len, found.values())) == len(list(root.rglob("*.flac")))
    return found


@pytest.fixture
def syllables(tmp_path):
    folder = tmp_path / "mp3"
    folder.mkdir()
    for i, speaker in enumerate(SPEAKERS):
        for syllable in SYLLABLES:
            for number in "1234":
                path = folder / f"{syllable}{number}_{speaker}_MP3.mp3"
                soundfile.write(path, tone(200 + 100 * i, 44100, 2), 44100)
    return folder


def test_tone_perfect_leaves_out_the_speakers_asked_for(syllables, tmp_path, capsys):
    out = tmp_path / "out"
    silent = syllables / "nv1_FV1_MP3.mp3"
    soundfile.write(silent, np.zeros((4000, 2)), 44100)
    recordings = tone_perfect(syllables, [], ["MV1"])
    write_corpus(out, recordings)
    assert f"silent: {silent}" in capsys.readouterr().out
    found = transcripts(out)
    assert set(found) == {"train-tp/FV1", "test-tp/MV1", "train-tp/MV2"}
    expected = sorted(f"{s}{n}".upper() for s in SYLLABLES for n in "1234")
    assert all(sorted(words.values()) == expected for words in found.values())
    assert found["test-tp/MV1"]["MV1-3-0001"] == "MA3"
    samples, _ = soundfile.read(out / "test-tp/MV1/3/MV1-3-0001.flac")
    assert np.abs(np.fft.rfft(samples)).argmax() == 300
    with pytest.raises(ValueError, match="not empty: expected a new or an empty"):
        write_corpus(out, recordings)


def test_wrong_speakers_files_and_copies_are_refused(syllables, tmp_path):
    for dev, test in (([], ["FV9"]), (["FV1"], ["FV1"]), ([], list(SPEAKERS))):
        with pytest.raises(ValueError, match=r"ones of \['FV1', 'MV1', 'MV2'\]"):
            tone_perfect(syllables, dev, test)
    copy = syllables / "copy/ma1_FV1_MP3.mp3"
    copy.parent.mkdir()
    copy.write_bytes((syllables / copy.name).read_bytes())
    with pytest.raises(ValueError, match="are the same utterance"):
        write_corpus(tmp_path / "out", tone_perfect(syllables, [], []))
    copy.rename(copy.with_name("song.mp3"))
    with pytest.raises(ValueError, match=r"'song.mp3': expected names such as"):
        tone_perfect(syllables, [], [])
    with pytest.raises(ValueError, match="found no file such as"):
        mboshi(tmp_path / "nothing", [], [])
    copy.with_name("song.mp3").unlink()
    (syllables / "ba1_FV1_MP3.mp3").write_bytes(b"no audio")
    with pytest.raises(ValueError, match=r"ba1_FV1_MP3.mp3 can't be .*take it out"):
        write_corpus(tmp_path / "out", tone_perfect(syllables, [], []))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def sentences(tmp_path):
    """40 texts by two speakers in train, 3 others in dev; accents decomposed."""
    for folder, texts in (("train", range(40)), ("dev", range(40, 43))):
        (tmp_path / folder).mkdir()
        for i, speaker in enumerate(("abiayi", "martial")):
            for text in texts:
                name = f"{speaker}_2015-09-08-11-18-3{i}_samsung_mdw_Dico1_{text}"
                path = tmp_path / folder / f"{name}.wav"
                soundfile.write(path, tone(200, 16000, 1), 16000)
                words = f"wa\u0301 {chr(97 + text % 26)}{'o' * text}"
                path.with_suffix(".mb.cleaned").write_text(f"{words} \n", "utf-8")
    return tmp_path


def test_mboshi_keeps_its_own_split_or_leaves_a_speaker_out(sentences, tmp_path):
    write_corpus(tmp_path / "own", mboshi(sentences, [], []))
    found = transcripts(tmp_path / "own")
    texts = {}
    for name, words in found.items():
        texts.setdefault(name.split("/")[0], set()).update(words.values())
    sizes = {split: len(words) for split, words in texts.items()}
    assert sizes == {"train-mb": 38, "dev-mb": 2, "test-mb": 3}
    assert len(set.union(*texts.values())) == 43
    words = found["train-mb/abiayi"]["abiayi-20150908111830Dico1-0001"]
    assert words == "w\N{LATIN SMALL LETTER A WITH ACUTE} bo"
    write_corpus(tmp_path / "unseen", mboshi(sentences, [], ["martial"]))
    found = transcripts(tmp_path / "unseen")
    sizes = {name: len(words) for name, words in found.items()}
    assert sizes == {"train-mb/abiayi": 41, "dev-mb/abiayi": 2, "test-mb/martial": 43}
