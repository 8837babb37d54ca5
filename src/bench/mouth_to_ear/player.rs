//! What an ear hears: frames played one after the other, each as soon as it is there. Pure.

use std::time::Duration;

use super::signal::RATE;

/// The ear, from the moment at which the mouth began.
#[derive(Debug)]
pub(super) struct Player {
    heard: Vec<f32>,
    /// When what there was has been played.
    free: usize,
}

impl Player {
    /// An ear that hears for so many samples.
    pub(super) fn new(samples: usize) -> Self {
        Self { heard: vec![0.0; samples], free: 0 }
    }

    /// Plays a frame that came at `at`: at once, or when those before it have been played. One that
    /// comes late makes all after it as late: the least that a player must wait for who sends
    /// without a break, and no more.
    pub(super) fn play(&mut self, at: Duration, frame: &[f32]) {
        let at = (at.as_secs_f64() * RATE as f64) as usize;
        let start = at.max(self.free).min(self.heard.len());
        let end = (start + frame.len()).min(self.heard.len());
        self.heard[start..end].copy_from_slice(&frame[..end - start]);
        self.free = end;
    }

    /// All that was heard.
    pub(super) fn heard(&self) -> &[f32] {
        &self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_frame_makes_those_after_it_late_and_none_is_cut() {
        let mut player = Player::new(RATE);
        let ms = |ms: u64| Duration::from_millis(ms);

        // Frames of 20 ms, of which the second comes 5 ms late and the third in time.
        for (at, value) in [(ms(10), 1.0), (ms(35), 2.0), (ms(50), 3.0)] {
            player.play(at, &[value; 960]);
        }

        let at = |ms: usize| player.heard()[ms * RATE / 1_000];
        assert_eq!([at(9), at(10), at(29)], [0.0, 1.0, 1.0]);
        assert_eq!([at(31), at(35), at(54)], [0.0, 2.0, 2.0]);
        assert_eq!([at(55), at(74), at(75)], [3.0, 3.0, 0.0]);
    }

    #[test]
    fn what_comes_after_the_end_is_not_heard() {
        let mut player = Player::new(100);

        player.play(Duration::from_secs(9), &[1.0; 960]);

        assert!(player.heard().iter().all(|sample| *sample == 0.0));
    }
}
