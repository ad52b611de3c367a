//! What rows share: calm first, then the attack, visitors all the time.

use crate::books::{Books, Label};
use crate::crowd::{Crowd, Rhythm};
use crate::draw::{Panel, Plot, panels};
use crate::population::{homes, visit};
use crate::report::{Bar, Held, Report};
use crate::stage::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Visitors of a row, and what each second of theirs is about.
const VISITORS: usize = 40;
const VISITS_PER_SECOND: u32 = 40;
/// How many visits may be lost, of a hundred.
const LOST_PERCENT_MAX: f64 = 1.0;

/// One row under way.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) books: Arc<Books>,
    began: Duration,
    pub(super) attack: Duration,
    pub(super) end: Duration,
    visitors: JoinSet<()>,
}

impl<'a> Scene<'a> {
    /// Begins with calm; the attack is to last so long.
    pub(super) fn open(stage: &'a Stage, attack: Duration) -> Self {
        let books: Arc<Books> = super::new_books();
        let began = stage.now();
        let attack_from = began + stage.by_effort(Duration::from_millis(1500), Duration::from_secs(5));
        let end = attack_from + attack;
        let host = stage.target().host.clone();
        let visitors = Crowd {
            label: Label::Visitor,
            addresses: homes(&stage.dice(1), VISITORS),
            rate: VISITS_PER_SECOND,
            script: Arc::new(move |dice, number| visit(dice, number, &host)),
            during: began..end,
            rhythm: Rhythm::Even,
        };
        let visitors = visitors.start(stage, stage.target().http, &books, 2);
        Self { stage, books, began, attack: attack_from, end, visitors }
    }

    /// Waits for the calm to end.
    pub(super) async fn calm(&self) {
        self.stage.until(self.attack).await;
    }

    /// Waits for every visitor, and says what they met. `bars` and `extra` are the row's own.
    pub(super) async fn close(mut self, row: &'static str, mut bars: Vec<Bar>, extra: Vec<Panel>) -> Report {
        // Rows that have ended sooner do not wait for the rest of their time.
        let end = self.stage.now().min(self.end);
        if end < self.end {
            self.visitors.abort_all();
        }
        while self.visitors.join_next().await.is_some() {}
        bars.extend(self.visitors_bars(end));
        let mut plot = Plot {
            title: format!("{row}, seed {}", self.stage.settings.seed),
            panels: panels(&self.books, self.began, end),
            attack: ((self.attack - self.began).as_secs_f64(), (end - self.began).as_secs_f64()),
        };
        plot.panels.extend(extra);
        Report { row, bars, plot }
    }

    fn visitors_bars(&self, end: Duration) -> Vec<Bar> {
        let calm = self.books.tally(Label::Visitor, self.began..self.attack);
        let during = self.books.tally(Label::Visitor, self.attack..end);
        let instead = if during.lost() == 0 { String::new() } else { format!("; {}", during.instead()) };
        let (lost, asked) = (during.lost(), during.asked);
        let figure = format!("{lost} of {asked} (calm: {} of {}){instead}", calm.lost(), calm.asked);
        let bar = format!("at most {LOST_PERCENT_MAX} %");
        let is_held = during.lost_percent() <= LOST_PERCENT_MAX && asked > 0;
        let lost = Bar::count("visitors not served", bar, figure, is_held);
        let wait = match (calm.quantile(0.99), during.quantile(0.99)) {
            (Some(calm), Some(during)) => {
                let most = (2.0 * calm).max(calm + 20.0);
                Bar::time(
                    "visitors wait (p99)",
                    format!("at most {most:.0} ms"),
                    format!("{during:.1} ms (calm: {calm:.1} ms)"),
                    during <= most,
                )
            }
            _ => Bar::time("visitors wait (p99)", "twice the calm", "nobody was served", Held::Unmeasured),
        };
        vec![lost, wait]
    }

    /// The course of a count over the row's time, as a panel's points.
    pub(super) fn seconds(&self, at: Duration) -> f64 {
        at.saturating_sub(self.began).as_secs_f64()
    }
}
