//! Draws the widget: a panel with a hall, the guild's name and how many are online.
//!
//! Dots of a palette, so that no drawing library is needed; pictures of guilds are not decoded.

use super::font::glyph;
use crate::cdn::png;

/// How the widget looks (Discord: Widget Style Options).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A line for a page's badges.
    Shield,
    /// Large, with a footer.
    Banner1,
    /// Small.
    Banner2,
    /// Large, with a call to talk.
    Banner3,
    /// Larger, with a button.
    Banner4,
}

impl Style {
    /// The style of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "shield" => Self::Shield,
            "banner1" => Self::Banner1,
            "banner2" => Self::Banner2,
            "banner3" => Self::Banner3,
            "banner4" => Self::Banner4,
            _ => return None,
        })
    }
}

/// Panel, hall and button, paper, quiet letters, the dot of those who are online.
const PALETTE: [[u8; 3]; 5] = [
    [0x2b, 0x26, 0x22],
    [0xb4, 0x55, 0x2d],
    [0xf4, 0xf1, 0xea],
    [0xb8, 0xae, 0xa2],
    [0x4c, 0x9b, 0x5f],
];
const PANEL: u8 = 0;
const BUTTON: u8 = 1;
const PAPER: u8 = 2;
const QUIET: u8 = 3;
const GREEN: u8 = 4;

/// Draws a widget as a PNG.
pub(super) fn draw(style: Style, name: &str, online: usize) -> Vec<u8> {
    let count = format!("{online} online");
    let canvas = match style {
        Style::Shield => {
            let mut canvas = Canvas::new(31 + text_width(&count, 1), 20);
            canvas.hall(3, 3, 14);
            canvas.dot(22, 9, GREEN);
            canvas.text(&count, 28, 6, 1, PAPER);
            canvas
        }
        Style::Banner1 => {
            let mut canvas = Canvas::new(320, 76);
            canvas.head(name, &count, 10);
            canvas.text("powered by Guildhall", 10, 62, 1, QUIET);
            canvas
        }
        Style::Banner2 => {
            let mut canvas = Canvas::new(320, 48);
            canvas.head(name, &count, 6);
            canvas
        }
        Style::Banner3 => {
            let mut canvas = Canvas::new(320, 100);
            canvas.head(name, &count, 12);
            canvas.fill(0, 66, 320, 34, BUTTON);
            canvas.middle("Chat now", 76, 2, PAPER);
            canvas
        }
        Style::Banner4 => {
            let mut canvas = Canvas::new(320, 180);
            canvas.hall(140, 12, 40);
            canvas.middle(&fitting(name, 300, 2), 66, 2, PAPER);
            canvas.middle(&count, 92, 1, QUIET);
            canvas.fill(40, 120, 240, 36, BUTTON);
            canvas.middle("Join", 131, 2, PAPER);
            canvas
        }
    };
    png::palette(canvas.width, &PALETTE, &canvas.dots)
}

/// Dots of colours of the palette, row by row.
struct Canvas {
    width: usize,
    dots: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, dots: vec![PANEL; width * height] }
    }

    fn put(&mut self, x: usize, y: usize, color: u8) {
        if x < self.width
            && let Some(dot) = self.dots.get_mut(y * self.width + x)
        {
            *dot = color;
        }
    }

    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, color: u8) {
        for (y, x) in (y..y + height).flat_map(|y| (x..x + width).map(move |x| (y, x))) {
            self.put(x, y, color);
        }
    }

    fn text(&mut self, text: &str, x: usize, y: usize, scale: usize, color: u8) {
        for (at, letter) in text.chars().enumerate() {
            for (row, dots) in glyph(letter).into_iter().enumerate() {
                for column in (0..5).filter(|column| dots & (0x10 >> column) != 0) {
                    let x = x + (at * ADVANCE + column) * scale;
                    self.fill(x, y + row * scale, scale, scale, color);
                }
            }
        }
    }

    fn middle(&mut self, text: &str, y: usize, scale: usize, color: u8) {
        let x = self.width.saturating_sub(text_width(text, scale)) / 2;
        self.text(text, x, y, scale, color);
    }

    /// Who is online: hall, name and count, from `y` on.
    fn head(&mut self, name: &str, count: &str, y: usize) {
        self.hall(10, y, 36);
        self.text(&fitting(name, self.width - 70, 2), 60, y + 2, 2, PAPER);
        self.dot(61, y + 27, GREEN);
        self.text(count, 68, y + 24, 1, QUIET);
    }

    /// A gabled hall with a door, in a square of `side` dots.
    fn hall(&mut self, left: usize, top: usize, side: usize) {
        let middle = side / 2;
        for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
            let off = x.abs_diff(middle);
            let gable = y < side * 2 / 5 && off <= y * 5 / 4;
            let walls = y >= side * 2 / 5 && off <= side * 2 / 5;
            let door = y >= side * 3 / 5 && off <= side / 10;
            if (gable || walls) && !door {
                self.put(left + x, top + y, BUTTON);
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize, color: u8) {
        self.fill(x.saturating_sub(1), y.saturating_sub(1), 3, 3, color);
    }
}

/// As much of a name as fits.
fn fitting(name: &str, width: usize, scale: usize) -> String {
    name.chars().take(width / (ADVANCE * scale)).collect()
}

fn text_width(text: &str, scale: usize) -> usize {
    text.chars().count() * ADVANCE * scale
}

/// Dots from one letter to the next.
const ADVANCE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdn::image;

    #[test]
    fn every_style_is_a_picture_of_its_size_whatever_the_name() {
        let long = "Ж".repeat(100);
        for name in ["", "Hall", &long] {
            for (style, size) in [
                ("shield", None),
                ("banner1", Some((320, 76))),
                ("banner2", Some((320, 48))),
                ("banner3", Some((320, 100))),
                ("banner4", Some((320, 180))),
            ] {
                let picture = draw(Style::of(style).unwrap(), name, 1_234);

                let found = image::dimensions(&picture).expect("a PNG");
                assert!(size.is_none_or(|size| size == found), "{style}: {found:?}");
            }
        }
        assert_eq!(Style::of("banner5"), None);
    }

    #[test]
    fn names_and_counts_are_seen() {
        let one = draw(Style::Banner1, "Hall", 1);

        assert_ne!(one, draw(Style::Banner1, "Ball", 1));
        assert_ne!(one, draw(Style::Banner1, "Hall", 2));
    }
}
