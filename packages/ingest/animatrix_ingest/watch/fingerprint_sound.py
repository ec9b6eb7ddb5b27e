"""Fingerprint of the sound: 32 bits every 64 ms, 3.7 kB a minute.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): the energies of 33 bands between
300 and 3,000 Hz, and of each pair of neighbouring bands whether their difference grew since a little earlier. What
codecs, loudness and equalisers do changes few of these signs. Windows overlap by five sixths, so that two files need
not be cut into windows at the same instant.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from anicaption.sound import Sound

from animatrix_ingest.watch.prints import FLAT, SoundPrints

RATE_HZ = 11025
HOP = 704
WINDOW = 4096
BACK = 3
"""Windows between the two whose energies are compared: as long as half a window, else signs are of noise."""
SILENT = 10 ** (-60 / 20)
"""Root mean square under which sound is silence."""

_EDGES_HZ = np.geomspace(300, 3000, 34)
_BINS = np.rint(_EDGES_HZ * WINDOW / RATE_HZ).astype(int)
_BLOCK = 64  # windows transformed at once
_WEIGHTS = np.hanning(WINDOW).astype(np.float32)


class SoundPrint:
    """Takes pieces of sound in order; `prints()` gives the hashes. Keeps one block of samples and 132 bytes a window.

    Window 0 begins at sample 0 of the file's clock; what the file leaves out is silence.
    """

    def __init__(self) -> None:
        self._pieces: list[np.ndarray] = []
        self._n_held = 0
        self._at = 0  # sample of the file's clock after the held ones
        self._energies: list[np.ndarray] = []
        self._loud: list[np.ndarray] = []

    def hear(self, sound: Sound) -> None:
        """The next piece, at RATE_HZ."""
        if sound.rate_hz != RATE_HZ:
            raise ValueError(f"SoundPrint.hear: {sound.rate_hz} Hz; ask anicaption.sound for {RATE_HZ} Hz")
        late = sound.start_sample - self._at
        while late > 0:  # by blocks: a gap may be hours long
            self._take(np.zeros(min(late, _BLOCK * HOP), np.float32))
            late = sound.start_sample - self._at
        self._take(sound.samples[-late:] if late else sound.samples)

    def prints(self) -> SoundPrints:
        """The hashes of all that was heard; the windows at the end are filled up with silence."""
        if self._n_held:
            held = np.concatenate([*self._pieces, np.zeros(WINDOW, np.float32)])
            self._pieces = [self._measure(held)]
            self._n_held = 0
        if not self._energies:
            return SoundPrints(Fraction(HOP, RATE_HZ), np.zeros(0, np.uint32))
        return SoundPrints(Fraction(HOP, RATE_HZ), _hashes(np.concatenate(self._energies), np.concatenate(self._loud)))

    def _take(self, samples: np.ndarray) -> None:
        self._pieces.append(samples)
        self._n_held += len(samples)
        self._at += len(samples)
        if self._n_held >= _BLOCK * HOP + WINDOW:
            self._pieces = [self._measure(np.concatenate(self._pieces))]
            self._n_held = len(self._pieces[0])

    def _measure(self, samples: np.ndarray) -> np.ndarray:
        """Measure every whole window; returns the samples that later windows need."""
        windows_NW = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
        for start in range(0, len(windows_NW), _BLOCK):
            part_NW = windows_NW[start : start + _BLOCK] * _WEIGHTS
            spectrum_NF = np.fft.rfft(part_NW)[:, : _BINS[-1]]
            power_NF = spectrum_NF.real**2 + spectrum_NF.imag**2
            self._energies.append(np.add.reduceat(power_NF, _BINS[:-1], axis=1).astype(np.float32))
            self._loud.append(np.sqrt((part_NW * part_NW).mean(1)) > SILENT)
        return samples[len(windows_NW) * HOP :]


def _hashes(energy_NB: np.ndarray, loud_N: np.ndarray) -> np.ndarray:
    """uint32 (N,): did the step from band to band grow since BACK windows ago? FLAT where there is silence."""
    step_NB = np.diff(energy_NB, axis=1)
    before_NB = np.vstack([step_NB[:BACK][:1].repeat(min(BACK, len(step_NB)), 0), step_NB[:-BACK]])[: len(step_NB)]
    bits_NB = step_NB > before_NB
    hashes = np.packbits(bits_NB, axis=1).view(">u4").ravel().astype(np.uint32)
    return np.where(loud_N, np.maximum(hashes, 1), FLAT).astype(np.uint32)
