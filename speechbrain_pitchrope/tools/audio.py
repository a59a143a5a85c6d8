"""Reading any recording for the command line: any sample rate, any channel count."""

import soundfile
import torch
import torchaudio


def read_mono(path, sample_rate):
    """Samples of a recording, its channels averaged, at the rate asked for.

    Arguments
    ---------
    path : str
        A file that libsndfile reads: WAV, FLAC, OGG, MP3 and others.
    sample_rate : int
        Samples per second to return.

    Returns
    -------
    torch.Tensor
        Shape [N].

    Raises
    ------
    ValueError
        If the file can't be read, or holds no samples or non-finite ones.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} can't be read as audio: {error}") from error
    wav = torch.from_numpy(samples).mean(1)
    if not len(wav) or not wav.isfinite().all():
        what = "NaN or infinite samples" if len(wav) else "no samples"
        raise ValueError(f"{path} holds {what}, expected speech")
    return torchaudio.functional.resample(wav, rate, sample_rate)
