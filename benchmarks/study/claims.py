"""Claims of the paper as comparisons of the plan's arms, and the rule for the verdict on each claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.study.measure import ACCURACY, F1, PRECISION, RECALL, Difference, recall_of
from benchmarks.study.plan import CNN, HYBRID, KNN, MFCC, RNN, SPECTRAL, SVM, SVM_TIMBRE, UNREGULARIZED, short

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_HERE = "supported", "contradicted", "cannot tell", "not on this data"


@dataclass(frozen=True)
class Contrast:
    """Sum of a measure over the arms `plus` minus its sum over the arms `minus`; the claim is that it is above 0."""

    plus: Sequence[str]
    minus: Sequence[str]
    label: str = ""

    @property
    def text(self) -> str:
        return self.label or f"{short(self.plus[0])} minus {short(self.minus[0])}"


@dataclass(frozen=True)
class Claim:
    """A quotation from the paper, its section, and the contrasts that must all be above 0 (one for each rival)."""

    text: str
    source: str
    measure: str
    contrasts: Sequence[Contrast]

    @property
    def genre(self) -> str | None:
        """The genre that the claim is about; None if it is about all genres."""
        prefix = recall_of("")
        return self.measure.removeprefix(prefix) if self.measure.startswith(prefix) else None


def _best(arm: str) -> list[Contrast]:
    return [Contrast([arm], [rival]) for rival in (CNN, RNN, HYBRID) if rival != arm]


def _minus(base: str, change: str, plain: str) -> Contrast:
    return Contrast([f"{base} {change}"], [f"{base} {plain}"])


def _gain_over(rival: str) -> Contrast:
    """The gain from regularization of the hybrid minus that of a rival: a difference of differences."""
    label = f"what dropout and L2 bring the hybrid minus what they bring the {short(rival)}"
    return Contrast([HYBRID, f"{rival} {UNREGULARIZED}"], [f"{HYBRID} {UNREGULARIZED}", rival], label)


CLAIMS = (
    Claim("CNN “performed best in terms of Accuracy”", "4.2; Table 2: .92, .75, .85", ACCURACY, _best(CNN)),
    Claim("CNN “excelled in Precision”", "4.2; Table 2: .88, .72, .78", PRECISION, _best(CNN)),
    Claim("CNN “excelled in … F1 Score”", "4.2; Table 2: .86, .73, .77", F1, _best(CNN)),
    Claim("RNN “was prominent in Recall”", "4.2; Table 2: .75, .82, .68", RECALL, _best(RNN)),
    Claim(
        "CNN “had the highest recognition rates for rock and pop”: rock",
        "4.2; Table 2: .93, .81, .88",
        recall_of("rock"),
        _best(CNN),
    ),
    Claim("the same: pop", "4.2; Table 2: .91, .79, .83", recall_of("pop"), _best(CNN)),
    Claim(
        "RNN “was better at recognizing classical music”",
        "4.2; Table 2: .85, .90, .84",
        recall_of("classical"),
        _best(RNN),
    ),
    Claim(
        "RNN “performed better on classical music when the learning rate was set to 0.005”",
        "4.2",
        recall_of("classical"),
        [_minus(RNN, "optimizer.lr=0.005", "optimizer.lr=0.001")],
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
        "SVM and KNN face “limited classification effectiveness”, which deep networks improve",
        "2.4; 2.5",
        ACCURACY,
        [Contrast([CNN], [rival]) for rival in (SVM, KNN)],
    ),
    Claim(
        "“By leveraging spectral, time-domain, and frequency-domain features, the accuracy … can be improved”",
        "3.5",
        ACCURACY,
        [Contrast([SVM_TIMBRE], [SVM])],
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

# The paper's Table 2: the scores, in the order of TABLE_2_MEASURES, and the training time.
TABLE_2 = {
    CNN: ((0.92, 0.88, 0.75, 0.86, 0.93, 0.91, 0.85, 0.87), "1.5 h"),
    RNN: ((0.75, 0.72, 0.82, 0.73, 0.81, 0.79, 0.90, 0.80), "2.0 h"),
    HYBRID: ((0.85, 0.78, 0.68, 0.77, 0.88, 0.83, 0.84, 0.90), "1.8 h"),
}
TABLE_2_MEASURES = (ACCURACY, PRECISION, RECALL, F1, *map(recall_of, ("rock", "pop", "classical", "jazz")))
TABLE_2_FLAW = (
    "The published numbers cannot all be true: macro F1 is never above the harmonic mean of macro precision and macro "
    "recall (CNN .81 < .86, hybrid .73 < .77), and RNN's accuracy, .75, is below that of its lowest genre, .79. They are "
    "shown here as published; their “recognition accuracy” of a genre is read as recall."
)


def verdict(differences: Sequence[Difference]) -> str:
    """Supported if every interval lies above 0, contradicted if one lies below 0, otherwise undecided.

    The best model must beat each rival separately; this needs no correction for multiple tests (intersection-union test:
    Berger 1982).
    """
    if differences and all(interval.low > 0 for interval in differences):
        return SUPPORTED
    return CONTRADICTED if any(interval.high < 0 for interval in differences) else UNDECIDED
