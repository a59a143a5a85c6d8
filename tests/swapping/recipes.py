"""Small recipes of each family, to be swapped."""

HEAD = """\
# A recipe as one finds them. Authors: none.

seed: 12 # of all
__set_seed: !apply:speechbrain.utils.seed_everything [!ref <seed>]
output_folder: !ref results/<seed>
data_folder: !PLACEHOLDER  # where the audio is

sizes: &sizes {d_model: 16,   nhead: 2}
"""

FEATURES = """\
compute_features: !new:speechbrain.lobes.features.Fbank # 100 frames a second
    n_mels: 20
normalize: !new:speechbrain.processing.features.InputNormalization
    norm_type: 'sentence'
"""

FEATURE_AUGMENTATION = """\
time_drop: !new:speechbrain.augment.freq_domain.SpectrogramDrop
    drop_length_low: 1
    drop_length_high: 3
time_warp: !new:speechbrain.augment.freq_domain.Warping
{key}: !new:speechbrain.augment.augmenter.Augmenter
    augment_prob: 1.0
    augmentations: [
        !ref <time_drop>,
        !ref <time_warp>] # in this order
"""

WAVE_AUGMENTATION = """\
drop_chunk: !new:speechbrain.augment.time_domain.DropChunk
{key}: !new:speechbrain.augment.augmenter.Augmenter
    augmentations: [!ref <drop_chunk>]
"""

MODEL = """\
CNN: !new:speechbrain.lobes.models.convolution.ConvolutionFrontEnd
    input_shape: (8, 10, 20)
    num_blocks: 2
    out_channels: (4, 2)
    strides: (2, 2)
    residuals: (False, False)

Transformer: !new:speechbrain.lobes.models.transformer.TransformerASR.TransformerASR #
    input_size: 10
    tgt_vocab: 8
    d_model: !ref <sizes[d_model]>
    nhead: !ref <sizes[nhead]>
    num_encoder_layers: {encoder_layers}
    num_decoder_layers: {decoder_layers}
    d_ffn: 32
    encoder_module: conformer
{attention}    normalize_before: True
    causal: False
"""

TAIL = """\
ctc_lin: !new:speechbrain.nnet.linear.Linear {input_size: 16, n_neurons: 8}
modules:
    CNN: !ref <CNN>
    Transformer: !ref <Transformer>
    ctc_lin: !ref <ctc_lin>
model: !new:torch.nn.ModuleList
    - [!ref <CNN>, !ref <Transformer>, !ref <ctc_lin>]
checkpointer: !new:speechbrain.utils.checkpoints.Checkpointer
    checkpoints_dir: !ref <output_folder>/save
    recoverables:
        model: !ref <model>
        normalizer: !ref <normalize>
"""


def model(attention="    attention_type: RelPosMHAXL\n", encoder_layers=1, decoders=1):
    return MODEL.format(
        attention=attention, encoder_layers=encoder_layers, decoder_layers=decoders
    )


JOINT = (
    HEAD + FEATURES + FEATURE_AUGMENTATION.format(key="fea_augment") + model() + TAIL
)
CTC = (
    HEAD
    + "attention_type: \"RelPosMHAXL\"   # or 'regularMHA'\n"
    + WAVE_AUGMENTATION.format(key="wav_augment")
    + FEATURES
    + model("    attention_type: !ref <attention_type>\n", decoders=0)
    + TAIL
)
NO_ATTENTION_TYPE = HEAD + FEATURES + model("") + TAIL
OTHER_KEYS = (
    HEAD
    + "variant: small # taken\n"
    + FEATURES
    + FEATURE_AUGMENTATION.format(key="masking")
    + WAVE_AUGMENTATION.format(key="noise")
    + model("    attention_type: RoPEMHA\n")
    + TAIL
)
NORMALIZE_IN_MODULES = (
    JOINT.replace(
        "normalize: !new:speechbrain.processing.features.InputNormalization\n"
        "    norm_type: 'sentence'\n",
        "",
    )
    .replace(
        "    ctc_lin: !ref <ctc_lin>\n",
        "    ctc_lin: !ref <ctc_lin>\n"
        "    normalize: !new:speechbrain.processing.features.InputNormalization\n",
    )
    .replace("!ref <normalize>", "!ref <modules[normalize]>")
)
TRANSDUCER = (
    HEAD
    + """\
sampler: !new:speechbrain.utils.dynamic_chunk_training.DynChunkTrainConfigRandomSampler
    chunkwise_prob: 0.6
    chunk_size_min: 4
    chunk_size_max: 8
    limited_left_context_prob: 0.75
    left_context_chunks_min: 1
    left_context_chunks_max: 2
"""
    + WAVE_AUGMENTATION.format(key="wav_augment")
    + FEATURES
    + FEATURE_AUGMENTATION.format(key="fea_augment")
    + model("    attention_type: RoPEMHA\n", decoders=0)
    + """\
enc: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>
"""
    + TAIL.replace("    Transformer: !ref <Transformer>\n", "    enc: !ref <enc>\n")
)
STREAMING = (
    TRANSDUCER.replace("    norm_type: 'sentence'\n", "    norm_type: global\n")
    + """\
fea_streaming_extractor: !new:speechbrain.lobes.features.StreamingFeatureWrapper
    module: !new:speechbrain.nnet.containers.LengthsCapableSequential
        - !ref <compute_features>
        - !ref <normalize>
        - !ref <CNN>
    properties: !apply:speechbrain.utils.filter_analysis.stack_filter_properties
        - [!ref <compute_features>, !ref <CNN>]
"""
)
PRETRAINING = (
    HEAD
    + """\
pad_to_divisible_by: 4
mask_length: 4
mask_prob: 0.15
noise_mean: 0
noise_std: 0.1
"""
    + FEATURES
    + model(decoders=0)
    + """\
wrapper: !new:speechbrain.lobes.models.transformer.TransformerASR.EncoderWrapper
    transformer: !ref <Transformer>
Quantizer: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer
    input_dim: 80 # 4 frames of 20 mels
    cb_dim: 16
    cb_vocab: 32
"""
    + TAIL.replace(
        "    Transformer: !ref <Transformer>\n",
        "    wrapper: !ref <wrapper>\n    Quantizer: !ref <Quantizer>\n",
    )
)
TRANSLATION = (
    HEAD
    + 'attention_type: "regularMHA" # "RelPosMHAXL" or "regularMHA"\n'
    + FEATURES
    + model(
        "    attention_type: !ref <attention_type>\n"
        "    ctc_weight: 0.3\n"
        "    asr_weight: 0.3\n"
        "    mt_weight: 0.3\n"
        "    asr_tgt_vocab: 8\n"
        "    mt_src_vocab: 8\n"
    ).replace("TransformerASR.TransformerASR", "TransformerST.TransformerST")
    + TAIL
)
HYPERMIXING = (
    HEAD
    + FEATURES
    + FEATURE_AUGMENTATION.format(key="fea_augment")
    + model("    attention_type: hypermixing\n    csgu_linear_units: 32\n").replace(
        "encoder_module: conformer", "encoder_module: branchformer"
    )
    + TAIL
)

FAMILIES = {
    "joint": JOINT,
    "ctc": CTC,
    "no_attention_type": NO_ATTENTION_TYPE,
    "other_keys": OTHER_KEYS,
    "normalize_in_modules": NORMALIZE_IN_MODULES,
    "transducer": TRANSDUCER,
    "streaming": STREAMING,
    "pretraining": PRETRAINING,
    "translation": TRANSLATION,
    "hypermixing": HYPERMIXING,
}
