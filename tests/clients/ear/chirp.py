"""What the mouth says, and where it is found in a recording. Knows neither browsers nor the server."""

import pathlib
import wave

import numpy

RATE = 48_000
# A second from one chirp to the next; a tenth of one each.
PERIOD = RATE
LENGTH = RATE // 10
TONES = (300.0, 6_000.0)
LEVEL = 0.5
# Under the chirps, so that nothing on the way takes the pauses for silence and stops sending.
NOISE = 0.02
# How like the chirp a sound must be to be it.
LIKE = 0.5


def chirp() -> numpy.ndarray:
    """A tone that rises, and swells and fades."""
    seconds = LENGTH / RATE
    t = numpy.arange(LENGTH) / RATE
    phase = 2 * numpy.pi * (TONES[0] * t + (TONES[1] - TONES[0]) * t * t / (2 * seconds))
    return LEVEL * numpy.sin(numpy.pi * numpy.arange(LENGTH) / LENGTH) ** 2 * numpy.sin(phase)


def microphone(path: pathlib.Path, seconds: int = 10) -> None:
    """A file to be played round and round: a chirp every second."""
    samples = numpy.random.default_rng(1).normal(0.0, NOISE, seconds * PERIOD)
    for second in range(seconds):
        start = second * PERIOD + PERIOD // 4
        samples[start : start + LENGTH] += chirp()
    write(path, samples)


def silence(path: pathlib.Path) -> None:
    """A microphone into which nobody speaks."""
    write(path, numpy.zeros(PERIOD))


def write(path: pathlib.Path, samples: numpy.ndarray) -> None:
    """A WAV file of samples from -1 to 1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((numpy.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())


def places(recording: numpy.ndarray) -> list[int]:
    """Where chirps begin in a recording, in samples."""
    said = chirp()
    if len(recording) < 2 * LENGTH:
        return []
    length = 1 << int(numpy.ceil(numpy.log2(len(recording) + LENGTH)))
    spectrum = numpy.fft.rfft(recording, length) * numpy.conj(numpy.fft.rfft(said, length))
    product = numpy.fft.irfft(spectrum, length)[: len(recording) - LENGTH + 1]
    energy = numpy.concatenate(([0.0], numpy.cumsum(recording**2)))
    window = numpy.sqrt(numpy.maximum(energy[LENGTH:] - energy[:-LENGTH], 1e-9))
    like = numpy.abs(product) / (window * numpy.sqrt(numpy.sum(said**2)))
    found, at = [], 0
    while at + PERIOD <= len(like):
        best = at + int(numpy.argmax(like[at : at + PERIOD]))
        if like[best] < LIKE:
            at += PERIOD
            continue
        # The best of a window that begins half a period before it is the chirp itself, not its flank.
        start = max(best - PERIOD // 2, 0)
        best = start + int(numpy.argmax(like[start : start + PERIOD]))
        if not found or best - found[-1] > PERIOD // 2:
            found.append(best)
        at = best + PERIOD // 2
    return found


def lags(mouth: list[float], ear: list[float], most: float) -> tuple[list[float], int]:
    """How much later each chirp was heard than said, in the unit of both lists, and how many were not heard."""
    heard = [min((at - said for at in ear if 0 <= at - said <= most), default=None) for said in mouth]
    found = [lag for lag in heard if lag is not None]
    return found, len(heard) - len(found)


def percentile(values: list[float], percent: int) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]
