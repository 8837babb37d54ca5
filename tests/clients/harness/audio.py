"""Speech to play, and how alike two recordings are.

Nothing here knows the server: it makes files with espeak-ng and ffmpeg and compares waveforms.
"""

import pathlib
import subprocess

import numpy

RATE = 48_000
TEXT = (
    "The guild hall opens at dusk. Travellers bring news from the northern road, "
    "and every voice is welcome at the long table. Who speaks first, and who will answer?"
)


def make_speech(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """A spoken file as 48 kHz mono WAV, and as Ogg/Opus at 64 kbit/s for players."""
    raw, wav, ogg = (folder / name for name in ("raw.wav", "speech.wav", "speech.ogg"))
    run("espeak-ng", "-v", "en", "-s", "150", "-w", raw, TEXT)
    # Half a second of quiet on both sides, a level that leaves headroom.
    filters = "volume=0.8,adelay=500:all=1,apad=pad_dur=0.5,highpass=f=80"
    run("ffmpeg", "-i", raw, "-af", filters, "-ar", RATE, "-ac", "1", wav)
    opus = ("-c:a", "libopus", "-b:a", "64k", "-frame_duration", "20", "-ac", "2")
    run("ffmpeg", "-i", wav, *opus, ogg)
    return {"wav": wav, "ogg": ogg}


def run(program: str, *arguments: object) -> None:
    """Runs a tool quietly; its failure is an exception with what it printed."""
    quiet = ("-y", "-hide_banner", "-loglevel", "error") if program == "ffmpeg" else ()
    done = subprocess.run(
        [program, *quiet, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed: {done.stderr[-2000:]}")


def load(path: pathlib.Path) -> numpy.ndarray:
    """Samples of any audio file, 48 kHz mono, -1 to 1."""
    decoded = subprocess.run(
        ["ffmpeg", "-hide_banner", "-loglevel", "error", "-i", str(path)]
        + ["-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"],
        capture_output=True,
        check=True,
    ).stdout
    return numpy.frombuffer(decoded, dtype="<i2").astype(numpy.float64) / 32768.0


def level(samples: numpy.ndarray) -> float:
    """Root mean square, 0 to 1."""
    return float(numpy.sqrt(numpy.mean(samples**2))) if len(samples) else 0.0


def likeness(reference: numpy.ndarray, heard: numpy.ndarray, window: float = 0.25) -> float:
    """How alike the recording is to what was played: 1 is the same waveform, unrelated speech 0.5.

    Each spoken window of `window` seconds of the reference is looked for in the whole recording
    and scored by its best normalised correlation; the answer is the mean, weighted by energy.
    Windows are aligned one by one because a receiver's jitter buffer may stretch time, as it does on a
    machine that stalls; they are short because it does so within them, too.
    """
    size = int(window * RATE)
    if len(heard) < size:
        return 0.0
    length = 1 << int(numpy.ceil(numpy.log2(len(heard) + size)))
    spectrum = numpy.fft.rfft(heard, length)
    energy = numpy.concatenate(([0.0], numpy.cumsum(heard**2)))
    local = numpy.sqrt(numpy.maximum(energy[size:] - energy[:-size], 1e-9))
    total, weight_sum = 0.0, 0.0
    for start in range(0, len(reference) - size, size // 2):
        piece = reference[start : start + size]
        weight = float(numpy.sum(piece**2))
        if level(piece) < 0.02:
            continue
        correlation = numpy.fft.irfft(spectrum * numpy.conj(numpy.fft.rfft(piece, length)), length)
        valid = correlation[: len(heard) - size + 1]
        best = float(numpy.max(numpy.abs(valid) / (local * numpy.sqrt(weight))))
        total += min(best, 1.0) * weight
        weight_sum += weight
    return total / weight_sum if weight_sum else 0.0
