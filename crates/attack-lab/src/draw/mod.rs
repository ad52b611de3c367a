//! The course of a row as a picture: panels one above the other over the same seconds.

mod letters;
mod png;

use crate::books::{Books, Label};
use png::Picture;
use std::time::Duration;

const WIDTH: usize = 1000;
const PANEL: i64 = 250;
const LEFT: i64 = 90;
const RIGHT: i64 = 975;
const TITLE: i64 = 40;

const BLACK: u8 = 1;
const GREY: u8 = 2;
const SHADE: u8 = 3;
pub(crate) const GREEN: u8 = 4;
pub(crate) const RED: u8 = 5;
pub(crate) const ORANGE: u8 = 6;
pub(crate) const BLUE: u8 = 7;
const PALETTE: [[u8; 3]; 8] = [
    [255, 255, 255],
    [20, 20, 20],
    [150, 150, 150],
    [245, 236, 228],
    [0, 128, 70],
    [190, 30, 45],
    [230, 140, 0],
    [30, 90, 190],
];

/// A line in a panel.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) colour: u8,
    /// Pixels; what another line may lie on is wider.
    pub(crate) width: i64,
    /// Seconds and value, in order.
    pub(crate) points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Panel {
    pub(crate) what: &'static str,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    /// The seconds of the attack, shaded.
    pub(crate) attack: (f64, f64),
}

/// Requests a second and answer times of a span, from the books.
#[allow(clippy::cast_precision_loss, reason = "counts of a rehearsal")]
pub(crate) fn panels(books: &Books, from: Duration, until: Duration) -> Vec<Panel> {
    let step = Duration::from_millis(if until - from > Duration::from_secs(30) { 1000 } else { 500 });
    let mut lines = [
        ("visitors ask", BLUE, 5),
        ("visitors served", GREEN, 2),
        ("attack asks", ORANGE, 5),
        ("attack served", RED, 2),
    ]
    .map(|(name, colour, width)| Line { name, colour, width, points: Vec::new() });
    let mut times = [("visitors p50", GREEN), ("visitors p99", BLUE)].map(|(name, colour)| Line {
        name,
        colour,
        width: 2,
        points: Vec::new(),
    });
    let mut at = from;
    while at < until {
        let x = (at - from).as_secs_f64();
        let people = books.tally(Label::Visitor, at..at + step);
        let attack = books.tally(Label::Attacker, at..at + step);
        let per_second = |count: usize| count as f64 / step.as_secs_f64();
        for (line, count) in lines.iter_mut().zip([people.asked, people.served, attack.asked, attack.served])
        {
            line.points.push((x, per_second(count)));
        }
        for (line, share) in times.iter_mut().zip([0.5, 0.99]) {
            line.points.extend(people.quantile(share).map(|took| (x, took)));
        }
        at += step;
    }
    vec![
        Panel { what: "requests a second", lines: lines.into() },
        Panel { what: "visitors wait, ms", lines: times.into() },
    ]
}

impl Plot {
    /// The picture as a PNG.
    pub(crate) fn png(&self) -> Vec<u8> {
        let panels = i64::try_from(self.panels.len()).unwrap_or(1).max(1);
        let height = usize::try_from(TITLE + panels * PANEL + 40).unwrap_or(600);
        let mut canvas = Canvas { picture: Picture::new(WIDTH, height) };
        canvas.text(LEFT, 10, &self.title, BLACK, 2);
        let points = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
        let seconds = points.map(|point| point.0).fold(1.0, f64::max).max(self.attack.1);
        let mut top = TITLE;
        for panel in &self.panels {
            canvas.panel(panel, top, seconds, self.attack);
            top += PANEL;
        }
        canvas.text(LEFT + 360, top + 18, "seconds", BLACK, 2);
        canvas.picture.png(&PALETTE)
    }
}

struct Canvas {
    picture: Picture,
}

/// A round number at least as large, for the end of an axis.
fn round_up(value: f64) -> f64 {
    let scale = 10_f64.powf(value.max(0.001).log10().floor());
    [1.0, 2.0, 4.0, 5.0, 8.0, 10.0]
        .map(|step| step * scale)
        .into_iter()
        .find(|step| *step >= value)
        .unwrap_or(value)
}

#[allow(clippy::cast_possible_truncation, reason = "pixels of a picture")]
fn pixel(from: i64, to: i64, share: f64) -> i64 {
    from + ((to - from) as f64 * share.clamp(0.0, 1.0)).round() as i64
}

impl Canvas {
    fn panel(&mut self, panel: &Panel, top: i64, seconds: f64, attack: (f64, f64)) {
        let (upper, lower) = (top + 44, top + PANEL - 14);
        let largest =
            panel.lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
        let full = round_up(largest.max(1.0));
        let x = |second: f64| pixel(LEFT, RIGHT, second / seconds);
        let y = |value: f64| pixel(lower, upper, value / full);
        self.block(x(attack.0), upper, x(attack.1), lower, SHADE);
        for quarter in 0..=4 {
            let value = full * f64::from(quarter) / 4.0;
            self.block(LEFT, y(value), RIGHT, y(value), GREY);
            let decimals = if full < 4.0 { 2 } else { usize::from((full / 4.0).fract() > 0.0) };
            let text = format!("{value:.decimals$}");
            let width = i64::try_from(text.len()).unwrap_or(0) * 12;
            self.text(LEFT - 8 - width, y(value) - 7, &text, BLACK, 2);
        }
        let step = round_up(seconds / 8.0).max(1.0);
        let mut second = 0.0;
        while second <= seconds {
            self.block(x(second), lower, x(second), lower + 4, BLACK);
            self.text(x(second) - 5, lower + 7, &format!("{second:.0}"), BLACK, 1);
            second += step;
        }
        self.legend(panel, top + 18);
        for line in &panel.lines {
            for pair in line.points.windows(2) {
                let (from, to) = ((x(pair[0].0), y(pair[0].1)), (x(pair[1].0), y(pair[1].1)));
                self.line(from, to, line.width, line.colour);
            }
            if let [only] = line.points[..] {
                self.block(x(only.0) - 2, y(only.1) - 2, x(only.0) + 2, y(only.1) + 2, line.colour);
            }
        }
    }

    fn legend(&mut self, panel: &Panel, y: i64) {
        let mut x = LEFT;
        x = self.text(x, y, panel.what, BLACK, 2) + 24;
        for line in &panel.lines {
            self.block(x, y + 5, x + 18, y + 8, line.colour);
            x = self.text(x + 24, y + 3, line.name, BLACK, 1) + 16;
        }
    }

    /// Returns where the text ends.
    fn text(&mut self, x: i64, y: i64, text: &str, colour: u8, size: i64) -> i64 {
        let mut left = x;
        for letter in text.chars() {
            for (column, dots) in (0..).zip(letters::columns(letter)) {
                for row in (0..8).filter(|row| dots >> row & 1 == 1) {
                    let (x, y) = (left + column * size, y + row * size);
                    self.block(x, y, x + size - 1, y + size - 1, colour);
                }
            }
            left += 6 * size;
        }
        left
    }

    fn block(&mut self, left: i64, upper: i64, right: i64, lower: i64, colour: u8) {
        for y in upper..=lower {
            for x in left..=right {
                self.picture.set(x, y, colour);
            }
        }
    }

    fn line(&mut self, from: (i64, i64), to: (i64, i64), width: i64, colour: u8) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).max(1);
        for step in 0..=steps {
            #[allow(clippy::cast_precision_loss, reason = "pixels of a picture")]
            let share = step as f64 / steps as f64;
            let (x, y) = (pixel(from.0, to.0, share), pixel(from.1, to.1, share));
            self.block(x - width / 2, y - width / 2, x + (width - 1) / 2, y + (width - 1) / 2, colour);
        }
    }
}
