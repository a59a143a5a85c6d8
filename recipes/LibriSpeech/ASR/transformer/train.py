#!/usr/bin/env python3
"""LibriSpeech with pitch-aware rotary attention: joint CTC/attention, or CTC alone.

    python train.py hparams/conformer_small.yaml --data_folder DIR
    python train.py hparams/conformer_small.yaml --data_folder DIR --variant rope
    python train.py hparams/conformer_small.yaml --data_folder DIR --test_only

Everything that uses pitch is named in the yaml; this script only moves batches
through it. Interrupted runs resume when started again with the same command.
"""

import io
import sys
from pathlib import Path

import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from hyperpyyaml.core import recursive_update
from ruamel.yaml import YAML
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.decoders.scorer import ScorerBuilder
from speechbrain.utils.checkpoints import average_state_dicts
from speechbrain.utils.distributed import ddp_barrier, if_main_process, run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain.utils.train_logger import TensorboardLogger

from speechbrain_pitchrope.files import hold_folder, write_whole
from speechbrain_pitchrope.nnet.parameter_transfer import load_pretrained
from speechbrain_pitchrope.nnet.summary import learned_pitch, pitch_statistics
from speechbrain_pitchrope.runs.checkpoints import RandomState
from speechbrain_pitchrope.runs.trained import read_state
from speechbrain_pitchrope.variants import claim_output_folder

# The data preparation serves all LibriSpeech recipes: it stands two folders up.
sys.path.append(str(Path(__file__).resolve().parents[2]))
from librispeech_dataio import make_datasets, make_loader_options, make_tokenizer
from librispeech_prepare import prepare_librispeech

logger = get_logger(__name__)


class ASR(sb.Brain):
    """Trains and tests; ``main`` sets its tokenizer, loggers and split."""

    @property
    def has_decoder(self):
        """Whether the model has an attention decoder beside CTC."""
        return self.hparams.num_decoder_layers > 0

    def compute_forward(self, batch, stage):
        """Waveforms to log-probabilities (CTC, decoder), encoder output and lengths."""
        batch = batch.to(self.device)
        wavs, wav_lens = batch.sig
        cached = {k: batch[k].data for k in ("f0_hz", "voicing") if hasattr(batch, k)}
        feats = self.hparams.compute_features(wavs, **cached)
        epoch = self.hparams.epoch_counter.current
        feats = self.modules.normalize(feats, wav_lens, epoch=epoch)

        tokens_bos = batch.tokens_bos.data if self.has_decoder else None
        if self.augments(stage):
            feats, wav_lens = self.hparams.fea_augment(feats, wav_lens)
            if self.has_decoder:
                tokens_bos = self.hparams.fea_augment.replicate_labels(tokens_bos)

        src = self.modules.CNN(feats)
        enc_out, dec_out = self.modules.Transformer(
            src, tokens_bos, wav_lens, pad_idx=self.hparams.pad_index
        )
        p_ctc = self.hparams.log_softmax(self.modules.ctc_lin(enc_out))
        p_seq = None
        if self.has_decoder:
            p_seq = self.hparams.log_softmax(self.modules.seq_lin(dec_out))
        return p_ctc, p_seq, enc_out, wav_lens

    def compute_objectives(self, predictions, batch, stage):
        """The weighted sum of CTC and attention loss; error rates outside training."""
        p_ctc, p_seq, enc_out, wav_lens = predictions
        labels = (*batch.tokens, *batch.tokens_eos)
        if self.augments(stage):
            labels = self.hparams.fea_augment.replicate_multiple_labels(*labels)
        tokens, tokens_lens, tokens_eos, tokens_eos_lens = labels

        loss = self.hparams.ctc_cost(p_ctc, tokens, wav_lens, tokens_lens).sum()
        if self.has_decoder:
            loss_seq = self.hparams.seq_cost(p_seq, tokens_eos, tokens_eos_lens).sum()
            weight = self.hparams.ctc_weight
            loss = weight * loss + (1 - weight) * loss_seq
        if stage != sb.Stage.TRAIN:
            if self.has_decoder:
                self.acc_metric.append(p_seq, tokens_eos, tokens_eos_lens)
            texts = self.transcribe(p_ctc, enc_out, wav_lens, stage)
            hyps = [text.split() for text in texts]
            refs = [text.split() for text in batch.wrd]
            self.wer_metric.append(batch.id, hyps, refs)
            self.cer_metric.append(batch.id, hyps, refs)
        return loss

    def augments(self, stage):
        """Whether features are augmented at this update."""
        warm = self.optimizer_step > self.hparams.augment_warmup
        return warm and stage == sb.Stage.TRAIN

    @property
    def valid_beam(self):
        """Beam of this epoch's validation; 1 is greedy CTC."""
        epoch = self.hparams.epoch_counter.current
        if self.has_decoder and epoch % self.hparams.valid_search_interval == 0:
            return self.hparams.valid_beam_size
        return 1

    def transcribe(self, p_ctc, enc_out, wav_lens, stage):
        """Texts of a batch, by the search that belongs to the stage."""
        if stage == sb.Stage.TEST and not self.has_decoder:
            # The search cuts lengths to whole frames; masks and the loss round them.
            n_frames = p_ctc.shape[1]
            rounded = ((wav_lens * n_frames).round() + 0.1) / n_frames
            return [hyp[0].text for hyp in self.hparams.test_search(p_ctc, rounded)]
        if stage == sb.Stage.TEST:
            hyps, _, _, _ = self.hparams.test_search(enc_out, wav_lens)
        elif self.valid_beam > 1:
            hyps, _, _, _ = self.hparams.valid_search(enc_out, wav_lens)
        else:
            hyps = ctc_greedy_decode(p_ctc, wav_lens, self.hparams.blank_index)
        return [self.tokenizer.decode_ids(hyp) for hyp in hyps]

    def on_stage_start(self, stage, epoch=None):
        """Fresh counters for each pass."""
        if stage != sb.Stage.TRAIN:
            if self.has_decoder:
                self.acc_metric = self.hparams.acc_computer()
            self.wer_metric = self.hparams.error_rate_computer()
            self.cer_metric = self.hparams.cer_computer()

    def _should_save_intra_epoch_ckpt(self, *args):
        """Save between updates only: what has been accumulated is in no checkpoint."""
        between = self.step % self.grad_accumulation_factor == 0
        return between and super()._should_save_intra_epoch_ckpt(*args)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Anneal the learning rate at each update."""
        if should_step:
            self.hparams.noam_annealing(self.optimizer)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Log the statistics; keep the checkpoint or write the test's results."""
        stats = {"loss": stage_loss}
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
            return
        if self.has_decoder:
            stats["ACC"] = self.acc_metric.summarize()
        stats["WER"] = self.wer_metric.summarize("error_rate")
        stats["CER"] = self.cer_metric.summarize("error_rate")
        if stage == sb.Stage.TEST:
            self.end_test(stats)
            return
        meta = {
            "epoch": epoch,
            "lr": self.optimizer.param_groups[0]["lr"],
            "steps": self.optimizer_step,
            "beam": self.valid_beam,
            **pitch_statistics(self.hparams.model),
        }
        # A run that was killed between its log and its checkpoint has been here.
        if not run_on_main(self.has_logged, args=[epoch]):
            for train_logger in self.loggers:
                train_logger.log_stats(meta, self.train_stats, stats)
        ((kind, key),) = self.criterion.items()
        self.checkpointer.save_and_keep_only(
            meta={"epoch": epoch, key: stats[key]},
            num_to_keep=self.hparams.avg_checkpoints,
            **{f"{kind}s": [key]},
        )

    def has_logged(self, epoch):
        """Whether the log tells of this epoch."""
        log = Path(self.hparams.train_log)
        return log.is_file() and f"epoch: {epoch}, " in log.read_text(encoding="utf-8")

    @property
    def criterion(self):
        """What tells good checkpoints: {max_key: ACC} or, for CTC, {min_key: CER}."""
        return {"max_key": "ACC"} if self.has_decoder else {"min_key": "CER"}

    def on_evaluate_start(self, **criterion):
        """Load the average of the best checkpoints."""
        checkpoints = self.checkpointer.find_checkpoints(
            **criterion, max_num_checkpoints=self.hparams.avg_checkpoints
        )
        if not checkpoints:
            raise FileNotFoundError(
                f"{self.hparams.save_folder} has no checkpoint of a finished epoch: "
                "train first, or mend output_folder"
            )
        self.checkpointer.load_checkpoint(checkpoints[0])
        states = (read_state(found.paramfiles["model"]) for found in checkpoints)
        self.hparams.model.load_state_dict(average_state_dicts(states))
        epochs = sorted(found.meta["epoch"] for found in checkpoints)
        logger.info("Testing the average of epochs %s", epochs)
        self.write("learned_pitch.txt", learned_pitch(self.hparams.model) + "\n")

    def end_test(self, stats):
        """Log a test and write wer_, cer_, ref_ and hyp_<split>.txt."""
        self.hparams.train_logger.log_stats({"split": self.split}, test_stats=stats)
        for name, metric in (("wer", self.wer_metric), ("cer", self.cer_metric)):
            text = io.StringIO()
            metric.write_stats(text)
            self.write(f"{name}_{self.split}.txt", text.getvalue())
        for name in ("hyp", "ref"):
            scores = self.wer_metric.scores
            rows = sorted(" ".join((r["key"], *r[f"{name}_tokens"])) for r in scores)
            self.write(f"{name}_{self.split}.txt", "".join(f"{row}\n" for row in rows))

    def write(self, name, text):
        """Write a file of the output folder, by the main process."""
        if if_main_process():
            write_whole(Path(self.hparams.output_folder) / name, text.encode("utf-8"))


def read_hparams(hparams_file, overrides):
    """The file to load and what to override in it, for a file ``overrides_of`` too."""
    settings = YAML().load(Path(hparams_file))
    if "overrides_of" not in settings:
        return hparams_file, overrides
    base = Path(hparams_file).parent / settings.pop("overrides_of")
    recursive_update(settings, YAML().load(overrides) or {})
    return str(base), settings


def complete_search(hparams, tokenizer):
    """Give the test search what the yaml does not know: tokens, language model."""
    if hparams["num_decoder_layers"] == 0:
        pieces = [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size())]
        hparams["test_search"] = hparams["test_search"](
            blank_index=hparams["blank_index"],
            beam_size=hparams["test_beam_size"],
            vocab_list=pieces,
        )
    elif hparams["lm_file"] is not None:
        language_model = hparams["lm_model"]()
        language_model.load_state_dict(torch.load(hparams["lm_file"], "cpu"))
        scorer = hparams["transformerlm_scorer"](language_model=language_model)
        weights = {"ctc": hparams["ctc_weight_decode"]}
        weights["transformerlm"] = hparams["lm_weight"]
        hparams["test_search"].scorer = ScorerBuilder(
            full_scorers=[hparams["ctc_scorer"], scorer], weights=weights
        )


def check_settings(hparams):
    """Refuse settings with which the run would fail late or do nothing of use."""
    search, n_layers = hparams["test_search"], hparams["num_decoder_layers"]
    if not callable(search) or isinstance(search, torch.nn.Module) != (n_layers > 0):
        raise ValueError(
            f"num_decoder_layers is {n_layers} and test_search is {search}: without "
            "decoder expected !name: of a CTC beam search, and with one !new: of a "
            "S2STransformerBeamSearcher"
        )
    lists = ("train_splits", "dev_splits", "test_splits", "after_training")
    for key in (*lists, "data_folder", "output_folder", "manifest_folder"):
        kind = list if key in lists else str
        if not isinstance(hparams[key], kind):
            raise ValueError(f"{key} is {hparams[key]!r}: expected a {kind.__name__}")
    if (found := hparams["avg_checkpoints"]) < 1:
        raise ValueError(f"avg_checkpoints is {found}: expected 1 or more")
    if hparams["pitch_attention"].get("control") == "shuffled_f0":
        fixed = ("test",) if hparams["dynamic_batching"] else ("train", "valid", "test")
        for key in (f"{name}_dataloader_opts" for name in fixed):
            if hparams[key].get("batch_size", 1) < 2:
                raise ValueError(
                    f"{key} has a batch_size of 1: give 2 or more, for shuffled_f0 "
                    "takes the pitch of another utterance of the batch"
                )
    for key in ("tokenizer_file", "lm_file", "pretrained_model"):
        path = hparams.get(key)
        if path is not None and not Path(str(path)).is_file():
            raise FileNotFoundError(f"{key} is {path}: there is no such file")


def main(arguments):
    """Prepare the data, train, test."""
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    hparams_file, overrides = read_hparams(hparams_file, overrides)
    with open(hparams_file, encoding="utf-8") as stream:
        hparams = load_hyperpyyaml(stream, overrides)
    check_settings(hparams)
    sb.utils.distributed.ddp_init_group(run_opts)
    folder = hparams["output_folder"]
    run_on_main(hold_folder, args=[folder])
    variant = hparams["variant"], hparams["pitch_attention"]
    run_on_main(claim_output_folder, args=[folder, *variant])
    sb.create_experiment_directory(folder, hparams_file, overrides)
    train, dev = hparams["train_splits"], hparams["dev_splits"]
    test = hparams["test_splits"]
    run_on_main(
        prepare_librispeech,
        kwargs={
            "data_folder": hparams["data_folder"],
            "save_folder": hparams["manifest_folder"],
            "splits": list(dict.fromkeys([*train, *dev, *test])),  # one may be in two
            "merge": {"train.csv": train, "valid.csv": dev},
            "sample_rate": hparams["sample_rate"],
            "check_audio": hparams["check_audio"],
            "on_problem": hparams["on_problem"],
            "skip_prep": hparams["skip_prep"],
        },
    )
    start = hparams["pretrained_model"]
    if start is not None:
        new = load_pretrained(hparams["model"], start)
        logger.info("Starting from %s, with %d new tensors", start, len(new))
    tokenizer = make_tokenizer(hparams)
    complete_search(hparams, tokenizer)
    datasets = make_datasets(hparams, tokenizer)
    train_options, valid_options = make_loader_options(hparams, datasets)

    asr_brain = ASR(
        modules=hparams["modules"],
        opt_class=hparams["Adam"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    asr_brain.tokenizer = tokenizer
    asr_brain.loggers = [hparams["train_logger"]]
    if hparams["tensorboard_logs"] is not None:
        asr_brain.loggers.append(TensorboardLogger(hparams["tensorboard_logs"]))
    # Brain tells it the epoch: a resumed epoch has the batches it would have had.
    sampler = train_options.get("sampler")
    asr_brain.train_sampler = train_options.get("batch_sampler", sampler)
    state = RandomState(train_options["generator"])
    asr_brain.checkpointer.add_recoverable("random_state", state, optional_load=True)
    asr_brain.fit(
        asr_brain.hparams.epoch_counter,
        datasets["train"],
        datasets["valid"],
        train_loader_kwargs=train_options,
        valid_loader_kwargs=valid_options,
    )
    for split in test:
        asr_brain.split = split
        asr_brain.evaluate(
            datasets[split],
            test_loader_kwargs=hparams["test_dataloader_opts"],
            **asr_brain.criterion,
        )
    for function in hparams["after_training"]:
        run_on_main(function, args=[folder])
    if torch.distributed.is_initialized():
        ddp_barrier()  # a process that ends earlier would abort the others
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1:])
