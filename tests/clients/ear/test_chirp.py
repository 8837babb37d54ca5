"""`python -m unittest ear.test_chirp`: the search finds what was put there."""

import pathlib
import tempfile
import unittest
import wave

import numpy

from . import chirp


class Search(unittest.TestCase):
    def setUp(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "said.wav"
            chirp.microphone(path, 4)
            with wave.open(str(path)) as file:
                pcm = file.readframes(file.getnframes())
        self.said = numpy.frombuffer(pcm, dtype="<i2").astype(float) / 32_768

    def test_every_chirp_is_found_to_the_sample_in_noise_and_turned_over(self) -> None:
        expected = [second * chirp.PERIOD + chirp.PERIOD // 4 for second in range(4)]
        noise = numpy.random.default_rng(2).normal(0, 0.05, len(self.said))
        for heard in (self.said, self.said + noise, -0.3 * self.said):
            found = chirp.places(numpy.concatenate((heard, numpy.zeros(chirp.PERIOD))))
            self.assertEqual(found, expected)

    def test_where_there_is_none_none_is_found(self) -> None:
        noise = numpy.random.default_rng(3).normal(0, 0.1, 5 * chirp.PERIOD)
        self.assertEqual(chirp.places(noise), [])
        self.assertEqual(chirp.places(numpy.zeros(10)), [])

    def test_a_chirp_that_was_not_heard_is_counted_and_no_other_taken_for_it(self) -> None:
        found, missed = chirp.lags([0.0, 1000.0, 2000.0], [80.0, 2090.0], 900.0)
        self.assertEqual((found, missed), ([80.0, 90.0], 1))


if __name__ == "__main__":
    unittest.main()
