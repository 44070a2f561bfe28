"""What the paper claims, as comparisons of the plan's arms, and the rule that judges them."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.study.measure import ACCURACY, F1, PRECISION, RECALL, Difference, recall_of
from benchmarks.study.plan import BARE, CNN, HYBRID, MFCC, RNN, SPECTRAL, short

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_HERE = "supported", "contradicted", "cannot tell", "not on this data"


@dataclass(frozen=True)
class Contrast:
    """The sum of a measure over the arms `plus` less that over `minus`; the claim says that it is above 0."""

    plus: Sequence[str]
    minus: Sequence[str]
    said: str = ""

    @property
    def text(self) -> str:
        return self.said or f"{short(self.plus[0])} minus {short(self.minus[0])}"


@dataclass(frozen=True)
class Claim:
    """The paper's words, where they stand, and the contrasts that must all be above 0, one a rival."""

    text: str
    source: str
    measure: str
    contrasts: Sequence[Contrast]

    @property
    def genre(self) -> str | None:
        """The genre that the claim is about, None where it is about all."""
        prefix = recall_of("")
        return self.measure.removeprefix(prefix) if self.measure.startswith(prefix) else None


def _best(arm: str) -> list[Contrast]:
    return [Contrast([arm], [rival]) for rival in (CNN, RNN, HYBRID) if rival != arm]


def _minus(base: str, change: str, plain: str) -> Contrast:
    return Contrast([f"{base} {change}"], [f"{base} {plain}"])


def _gain_over(rival: str) -> Contrast:
    """How much more regularization brings the hybrid than a rival: a difference of differences."""
    said = f"what dropout and L2 bring the hybrid minus what they bring the {short(rival)}"
    return Contrast([HYBRID, f"{rival} {BARE}"], [f"{HYBRID} {BARE}", rival], said)


CLAIMS = (
    Claim("CNN “performed best in terms of Accuracy”", "4.2; Table 2: .92, .75, .85", ACCURACY, _best(CNN)),
    Claim("CNN “excelled in Precision”", "4.2; Table 2: .88, .72, .78", PRECISION, _best(CNN)),
    Claim("CNN “excelled in … F1 Score”", "4.2; Table 2: .86, .73, .77", F1, _best(CNN)),
    Claim("RNN “was prominent in Recall”", "4.2; Table 2: .75, .82, .68", RECALL, _best(RNN)),
    Claim(
        "RNN “performed better on classical music when the learning rate was set to 0.005”",
        "4.2; Table 2: .85, .90, .84",
        recall_of("classical"),
        _best(RNN),
    ),
    Claim("Hybrid “excelled in jazz”", "4.2; Table 2: .87, .80, .90", recall_of("jazz"), _best(HYBRID)),
    Claim(
        "“In addition to MFCC … spectrograms and chroma features can enhance recognition accuracy”",
        "4.2",
        ACCURACY,
        [_minus(CNN, SPECTRAL, MFCC)],
    ),
    Claim(
        "“L2 regularization or Dropout … especially in complex models like Hybrid Model”: they help it most",
        "4.2",
        ACCURACY,
        [_gain_over(CNN), _gain_over(RNN)],
    ),
    Claim(
        "“hybrid models that combine CNNs with RNNs (e.g., LSTM or GRU) … improving overall model performance”",
        "4.2",
        ACCURACY,
        [_minus(HYBRID, f"model.cell={cell}", "model.cell=rnn") for cell in ("lstm", "gru")],
    ),
    Claim(
        "“data augmentation and normalization … to enhance the model's generalization capabilities”",
        "abstract; 1",
        ACCURACY,
        [
            _minus(HYBRID, "augmentation=full", "augmentation=none"),
            _minus(HYBRID, "normalization=standard", "normalization=none"),
        ],
    ),
)

# The scores of TABLE_2_MEASURES in the paper's Table 2, and its training time.
TABLE_2 = {
    CNN: ((0.92, 0.88, 0.75, 0.86, 0.93, 0.91, 0.85, 0.87), "1.5 h"),
    RNN: ((0.75, 0.72, 0.82, 0.73, 0.81, 0.79, 0.90, 0.80), "2.0 h"),
    HYBRID: ((0.85, 0.78, 0.68, 0.77, 0.88, 0.83, 0.84, 0.90), "1.8 h"),
}
TABLE_2_MEASURES = (ACCURACY, PRECISION, RECALL, F1, *map(recall_of, ("rock", "pop", "classical", "jazz")))
TABLE_2_FLAW = (
    "The published table cannot all be true: macro F1 never exceeds the harmonic mean of macro precision and macro recall "
    "(CNN .81 < .86, hybrid .73 < .77), and RNN's accuracy, .75, lies below its lowest genre, .79. It stands here as what "
    "it is; its “recognition accuracy” of a genre is read as recall."
)


def verdict(differences: Sequence[Difference]) -> str:
    """Supported where every interval lies above 0, contradicted where one lies below, else undecided.

    That a best one must beat each rival by itself needs no correction for several tests (intersection-union:
    Berger 1982).
    """
    if differences and all(each.low > 0 for each in differences):
        return SUPPORTED
    return CONTRADICTED if any(each.high < 0 for each in differences) else UNDECIDED
