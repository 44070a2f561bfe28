"""Every key of conf/ and what it accepts. A test fails for a key that is missing here.

The ranges are wide: they refuse what makes no sense or no progress, not what is unusual. What depends on other settings
or on the data (more folds than artists) is checked by the class that uses the value.
"""

import re

from src.settings.kinds import Choice, FilePath, Interval, Kind, Names, Number, Text, TextList, choice, whole

LARGEST_SEED = 2**32 - 1  # of NumPy's and Lightning's seeds
FLAG = Choice((True, False))
SHARE = Number(0, 1)
SHARE_BELOW_1 = Number(0, 1, below=True)
BETWEEN_0_AND_1 = Number(0, 1, above=True, below=True)
SEED = whole(0, LARGEST_SEED)
ACTIVATION = choice("relu", "leaky_relu")
# Lightning's limits of batches: a number of batches, or a share of an epoch.
BATCHES = Number(0, 1_000_000, above=True)

TABLE: dict[str, Kind] = {
    # train.yaml and audit.yaml
    "seed": SEED,
    "debug": FLAG,
    "report.sounds": whole(0, 1_000, "auto"),
    "report.map": choice("pca", "umap"),
    "labels": FLAG,
    "labels_by": choice("track", "artist"),
    # audio
    "audio.sample_rate": whole(1_000, 384_000),
    "audio.hop_length": whole(1, 65_536),
    "audio.n_fft": whole(2, 65_536),
    # augmentation
    "augmentation.feature.masks": whole(0, 100),
    "augmentation.feature.time_share": SHARE,
    "augmentation.feature.frequency_share": SHARE,
    "augmentation.mix.alpha": Number(0, 100, above=True),
    "augmentation.wave.gain_db": Number(0, 60),
    "augmentation.wave.polarity": SHARE,
    "augmentation.wave.noise": SHARE,
    "augmentation.wave.noise_snr_db": Interval(Number(-60, 120)),
    "augmentation.wave.shift_share": SHARE,
    "augmentation.wave.filter": SHARE,
    "augmentation.wave.filter_db": Number(0, 60),
    "augmentation.wave.pitch_semitones": whole(0, 12),
    "augmentation.wave.stretch_share": Number(0, 0.5),
    # data
    "data.batch_size": whole(1, 65_536),
    "data.crop_seconds": Number(0.1, 600),
    "data.crops": whole(1, 100_000, "auto"),
    "data.least_crops": whole(0, 100_000_000),
    "data.segments": whole(1, 10_000, "auto"),
    "data.max_seconds": Number(0.1, 86_400, also=(None,)),
    "data.preferred_genres": TextList(),
    "data.strict": FLAG,
    "data.resident": choice("auto", True, False),
    "data.cache": FilePath(output=True),
    "data.audit": FilePath(optional=True),
    "data.sample_rate": whole(1_000, 384_000),
    # dataset
    "dataset.root": FilePath(),
    "dataset.path": FilePath(),
    "dataset.metadata": FilePath(optional=True),
    "dataset.exclude": FilePath(optional=True),
    "dataset.split_file": FilePath(optional=True),
    "dataset.tree": FilePath(optional=True),
    "dataset.cache": FilePath(output=True),
    "dataset.subset": choice("small", "medium", "large"),
    "dataset.genre_map": Names(),
    "dataset.genre_separator": Text(optional=True),
    "dataset.genre_pick": choice("first", "drop"),
    "dataset.targets": choice("shares", "majority"),
    "dataset.genres": TextList(optional=True, any_word=True),
    "dataset.genre": choice("folder", "tags", "none"),
    "dataset.artist": choice("path", "tags"),
    "dataset.artist_pattern": Text(optional=True),
    "dataset.faults": choice("exclude", "keep"),
    "dataset.split_number": whole(0, 4),
    "dataset.several_genres": choice("exclude", "selected", "rarest"),
    "dataset.seed": SEED,
    "dataset.artists": whole(1, 10_000),
    "dataset.tracks": whole(1, 1_000),
    "dataset.clip_seconds": Number(1, 600),
    # feature; feature.parts.PART.KEY and feature.deep.KEY accept what feature.KEY accepts
    "feature.sample_rate": whole(1_000, 384_000),
    "feature.hop_length": whole(1, 65_536),
    "feature.frame_length": whole(2, 65_536),
    "feature.n_fft": whole(2, 65_536),
    "feature.lags": whole(2, 4_096),
    "feature.fmin_hz": Number(0, 192_000),
    "feature.fmax_hz": Number(0, 192_000, above=True, also=(None,)),
    "feature.backend": choice("auto", "nnaudio", "torchaudio"),
    "feature.source": choice("stft", "cqt"),
    "feature.octaves": whole(1, 16),
    "feature.percent": Number(0, 100, above=True),
    "feature.n_bins": whole(1, 1_024),
    "feature.bins_per_octave": whole(1, 240),
    "feature.trainable": FLAG,
    "feature.n_mels": whole(1, 1_024),
    "feature.n_mfcc": whole(1, 1_024),
    "feature.deltas": whole(0, 2),
    "feature.network": choice("msd", "mtt", "both"),
    "feature.layer": choice("penultimate", "pool", "tags"),
    "feature=efficientat.layer": choice("embedding", "tags"),
    "feature=pretrained.layer": choice("embedding", "tags"),
    "feature=deep_classic.layer": choice("penultimate", "pool", "embedding", "tags"),  # of any network
    "feature=transformers.layer": whole(0, 1_000, "output", "all"),
    "feature.weights": FilePath(optional=True),
    "feature.sha256": Text(optional=True),
    "feature.name": FilePath(),
    "feature.piece_seconds": Number(0.1, 60, also=(None,)),
    "feature.trust_remote_code": FLAG,
    "feature.hop_seconds": Number(0.1, 60),
    "feature.window_frames": whole(2, 8_192),
    # logger; logger.wandb.KEY and so on, of logger=many, accept what logger.KEY accepts
    "logger.names": TextList(),
    "logger.offline": choice(True, False, None),
    "logger.project": Text(optional=True),
    "logger.entity": Text(optional=True),
    "logger.tags": TextList(optional=True),
    "logger.group": Text(optional=True),
    "logger.job_type": Text(optional=True),
    "logger.notes": Text(optional=True),
    "logger.media": FLAG,
    "logger.artifacts": FLAG,
    "logger.tracking_uri": Text(optional=True),
    "logger.experiment": Text(optional=True),
    # loss
    "loss.label_smoothing": SHARE_BELOW_1,
    "loss.gamma": Number(0, 100),
    # model
    "model.layers": whole(1, 64),
    "model=hybrid.layers": whole(2, 64),
    "model=residual.layers": whole(2, 64),
    "model.width": whole(1, 2_048),
    "model.dropout": SHARE_BELOW_1,
    "model.activation": ACTIVATION,
    "model=dbn.activation": choice("relu", "leaky_relu", "sigmoid"),
    "model.window": whole(1, 10_000),
    "model.passes": whole(0, 1_000),
    "model.pretraining_lr": Number(0, 100, above=True),
    "model.cell": choice("rnn", "lstm", "gru"),
    "model.hidden": whole(0, 16_384),
    "model.l2": Number(0, 1_000_000, above=True),
    "model.neighbours": whole(1, 100_000),
    "model.weights": choice("distance", "uniform"),
    "model.metric": choice("euclidean", "manhattan", "cosine"),
    "model.c": Number(0, 1_000_000, above=True),
    "model.kernel": choice("rbf", "linear"),
    "model.gamma": Number(0, 1_000_000, above=True, also=("scale",)),
    "model.class_weight": choice(None, "balanced"),
    "model.unsure_below": SHARE,
    "model.temperatures.LENGTH": Number(0, 100, above=True),
    "model.table.GENRE": TextList(),
    "model.table.GENRE.tags": TextList(),
    "model.table.GENRE.audioset": Text(),
    "model.table.GENRE.under": Text(),
    "model.table.GENRE.also": TextList(),
    "model.heads": whole(1, 256),
    "model.patch": whole(1, 4_096),
    # optimizer
    "optimizer.lr": Number(0, 10, above=True),
    "optimizer.weight_decay": Number(0, 10),
    "optimizer.momentum": SHARE_BELOW_1,
    "optimizer.nesterov": FLAG,
    "optimizer.fused": FLAG,
    # scheduler
    "scheduler.factor": BETWEEN_0_AND_1,
    "scheduler=constant.factor": Number(0, 1, above=True),
    "scheduler.warm_up": SHARE_BELOW_1,
    "scheduler.max_lr": Number(0, 10, above=True),
    "scheduler.pct_start": SHARE_BELOW_1,
    "scheduler.patience": whole(0, 10_000),
    "scheduler.drops": whole(1, 1_000),
    # split
    "split.test": BETWEEN_0_AND_1,
    "split.val": BETWEEN_0_AND_1,
    "split.calibration": SHARE_BELOW_1,
    "split.seed": SEED,
    "split.grouped": FLAG,
    "split.allow_leak": FLAG,
    "split.folds": whole(2, 100),
    "split.fold": whole(0, 100_000),
    "split.file": FilePath(optional=True),
    # trainer, with those settings of Lightning's Trainer that conf/trainer does not set
    "trainer.max_epochs": whole(1, 100_000),
    "trainer.threads": whole(1, 256),
    "trainer.precision": choice("32-true", "bf16-mixed", "16-mixed", "auto"),
    "trainer.accelerator": choice("auto", "cpu", "gpu", "cuda", "mps"),
    "trainer.devices": whole(1, 1_024),
    "trainer.num_nodes": whole(1, 1_024),
    "trainer.strategy": choice("auto", "ddp"),
    "trainer.gradient_clip_val": Number(0, 1_000_000),
    "trainer.accumulate_grad_batches": whole(1, 10_000),
    "trainer.checkpoint": choice("val/f1_macro", "val/loss", "last"),
    "trainer.compile": FLAG,
    "trainer.ema_decay": SHARE_BELOW_1,
    "trainer.limit_train_batches": BATCHES,
    "trainer.limit_val_batches": BATCHES,
    "trainer.limit_predict_batches": BATCHES,
    "trainer.max_steps": whole(1, 1_000_000_000),
    "trainer.gradient_clip_algorithm": choice("norm", "value"),
    "trainer.deterministic": FLAG,
    "trainer.detect_anomaly": FLAG,
    # launchers and searches
    "hydra.run.dir": FilePath(output=True),
    "hydra.sweep.dir": FilePath(output=True),
    "hydra.launcher.n_jobs": whole(1, 1_024),
    "hydra.launcher.mem_gb": Number(0, 10_000, above=True),
    "hydra.launcher.timeout_min": whole(1, 1_000_000),
    "hydra.launcher.max_num_timeout": whole(0, 1_000),
    "hydra.launcher.array_parallelism": whole(1, 10_000),
    "hydra.launcher.cpus_per_task": whole(1, 1_024),
    "hydra.launcher.gpus_per_node": whole(0, 64, None),
    "hydra.launcher.ray.remote.num_cpus": Number(0, 1_024, above=True),
    "hydra.launcher.ray.remote.num_gpus": Number(0, 64),
    "hydra.sweeper.n_trials": whole(1, 100_000),
    "hydra.sweeper.n_jobs": whole(1, 1_024),
    "hydra.sweeper.max_failure_rate": SHARE,
    "hydra.sweeper.sampler.seed": SEED,
}
PATH_KEYS = tuple(key for key, kind in TABLE.items() if isinstance(kind, FilePath))


def kind_of(key: str, choice: str = "") -> Kind | None:
    """The kind of values that a key accepts, for the choice of its group if that is known; None for a key that is not in the table."""
    general = re.sub(r"^feature\.(parts\.\w+|deep)\.", "feature.", key)
    general = re.sub(r"^logger\.(csv|mlflow|tensorboard|wandb)\.", "logger.", general)
    general = re.sub(r"^model\.table\.[^.]+", "model.table.GENRE", general)
    general = re.sub(r"^model\.temperatures\.\w+", "model.temperatures.LENGTH", general)
    group, _, rest = general.partition(".")
    return TABLE.get(f"{group}={choice}.{rest}") or TABLE.get(general)
