"""Chord progressions of the genres, in the notation that harmony.py defines."""

BLUES_12 = "I7 | IV7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7"
BLUES_12_SLOW_CHANGE = "I7 | I7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | I7"
BLUES_12_MINOR = "i7 | i7 | i7 | i7 | iv7 | iv7 | i7 | i7 | bVI7 | V7 | i7 | V7"
BLUES_12_JAZZ = "I7 | IV7 | I7 | vm7 I7 | IV7 | #ivo | I7 | VI7 | ii7 | V7 | I7 VI7 | ii7 V7"
BLUES_8 = "I7 | V7 | IV7 | IV7 | I7 | V7 | I7 IV7 | I7 V7"
POP_MAJOR = ("I | V | vi | IV", "vi | IV | I | V", "I | vi | IV | V", "I | iii | IV | V", "I | IV | vi | V")
POP_MINOR = ("i | bVI | bIII | bVII", "i | bVII | bVI | bVII", "i | iv | bVI | V", "i | bIII | bVII | iv")
ROCK_MAJOR = ("I | bVII | IV | I", "I | IV | I | V", "I5 | I5 | IV5 | V5", "I | IV | V | IV", "I | V | IV | IV")
ROCK_MINOR = ("i | bVII | bVI | bVII", "i | bIII | bVII | IV", "i5 | i5 | bVII5 | IV5", "i | bVI | bVII | i")
COUNTRY_MAJOR = (
    "I | I | IV | I | I | I | V | V | I | I | IV | I | I | V | I | I",
    "I | IV | I | V | I | IV | V | I",
    "I | I | V | V | V | V | I | I",
    "I | IV | V | I",
)
JAZZ_MAJOR = (
    "Imaj7 | vi7 | ii7 | V7 | iii7 | VI7 | ii7 | V7",  # rhythm changes, roughly
    "ii7 | V7 | Imaj7 | Imaj7 | iih | V7 | i6 | i6",
    "Imaj7 | Imaj7 | vm7 | I7 | IVmaj7 | iv7 bVII7 | iii7 VI7 | ii7 V7",
    "Imaj7 | ii7 V7 | iii7 VI7 | ii7 V7 | IVmaj7 | iv7 bVII7 | Imaj7 VI7 | ii7 V7",
)
JAZZ_MINOR = (
    "i7 | iv7 bVII7 | bIIImaj7 | bVImaj7 | iih | V7 | i6 | i6",  # the circle of fifths of "Autumn Leaves"
    "i7 | i7 | i7 | i7 | biim7 | biim7 | i7 | i7",  # modal
    "i6 | iih V7 | i6 | iih V7 | iv7 | bVII7 | iih | V7",
)
DISCO_MINOR = ("i7 | iv7 | bVII | bIIImaj7", "i7 | bVII | bVI | V7", "i7 | i7 | iv7 | bVII", "i7 | bIII | iv7 | V7")
DISCO_MAJOR = ("ii7 | V7 | Imaj7 | vi7", "I | vi7 | ii7 | V7", "IVmaj7 | iii7 | ii7 | V7")
REGGAE_MAJOR = ("I | IV | I | IV", "I | V | vi | IV", "I | ii | I | ii", "I | IV | V | IV")
REGGAE_MINOR = ("i | iv | i | iv", "i | bVII | i | bVII", "i | i | iv | i", "i | bVI | bVII | i")
HIPHOP_MINOR = (
    "i7 | iv7 | i7 | V7",
    "i9 | bVImaj7 | i9 | bVImaj7",
    "i7 | i7 | bVI | V7",
    "iih | V7 | i7 | i7",
    "i | i | i | bII",
)
HIPHOP_MAJOR = ("Imaj7 | vi7 | ii7 | V7", "ii9 | V7 | Imaj7 | vi7", "IVmaj7 | iii7 | IVmaj7 | iii7")
METAL_MINOR = (
    "i5 | i5 | bVI5 | bVII5", "i5 | bII5 | i5 | bVII5", "i5 | i5 | i5 bIII5 | bII5", "i5 | bVI5 | bIII5 | bVII5",
    "i5 | i5 bV5 | i5 | bVI5 bII5",
)  # fmt: skip
CLASSICAL_MAJOR = (
    "I | V7 | I | IV | ii | V7 | I V7 | I",
    "I | vi | ii6 | V7 | I | IV | Vsus V7 | I",
    "I | IV I | V7 I | ii V7 | vi | II7 | V | V7",
    "I | I | V7 | V7 | V7 | V7 | I | I",
)
CLASSICAL_MINOR = (
    "i | V7 | i | iv | iih | V7 | i V7 | i",
    "i | iv | bVII | bIII | bVI | iih | V7 | i",  # the descending circle of fifths
    "i | viio | i | V | bVI | iv | Vsus V7 | i",
)
