//! Crowds, each on a site of its own, all at the same time: attackers of several kinds, and crowds that mean well.
//!
//! Every site first has a minute of calm, which is what a defence that learns has to learn from. What is measured is
//! the time until nine tenths of a second's attack are not served any more, and what visitors lose after that.

mod catalogue;

use crate::books::{Books, Label};
use crate::crowd::{Crowd, Rhythm};
use crate::draw::{Plot, panels};
use crate::population::{homes, visit};
use crate::report::{Bar, Held, Report};
use crate::stage::{Stage, StageError};
use catalogue::{FAMILIES, Family};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To be mitigated.
    Hostile,
    /// Looks like the visitors in everything, so that a defence turns against them: that none is lost counts.
    Framing,
    /// Nobody may be turned away.
    Benign,
}

impl Kind {
    /// Whether crowds of this kind belong to a row.
    fn is_of(self, row: Option<Self>) -> bool {
        row.is_none_or(|row| self == row || (self == Self::Framing && row == Self::Hostile))
    }
}

/// Before this a site is only learnt.
pub(super) const CALM: Duration = Duration::from_secs(68);
/// Between the beginnings of two crowds.
const STAGGER: Duration = Duration::from_millis(1500);
const VISITORS: usize = 40;
const VISITS_PER_SECOND: u32 = 20;
/// How long an attack may go on unhindered: the slowest, and one in the middle.
pub(super) const MITIGATED_BAR: Duration = Duration::from_secs(8);
pub(super) const LOST_PERCENT_BAR: f64 = 1.0;

/// The sites that these rows ask for, as a file for `wardmote apply`, besides the lab's own.
pub fn sites(host: &str, origin: SocketAddr) -> String {
    let mut text = "[[account]]\nname = \"lab\"\n".to_owned();
    let hosts = FAMILIES.iter().map(|family| format!("{}.{host}", family.name));
    let carpet = (0..super::carpet::SITES).map(|number| super::carpet::site(number, host));
    for host in std::iter::once(host.to_owned()).chain(hosts).chain(carpet) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n[[account.site]]\nhosts = [\"{host}\"]\norigins = [\"http://{origin}\"]\n");
    }
    text
}

/// One crowd under way.
struct Running {
    family: &'static Family,
    books: Arc<Books>,
    attack: Duration,
}

/// Runs crowds of one kind, or of all.
pub(super) async fn run(stage: &Stage, row: &'static str, kind: Option<Kind>) -> Result<Report, StageError> {
    let chosen: Vec<_> = FAMILIES.iter().filter(|family| family.kind.is_of(kind)).collect();
    for family in &chosen {
        super::ready(stage, &format!("{}.{}", family.name, stage.target().host)).await?;
    }
    let began = stage.now();
    let lasts = stage.by_effort(Duration::from_secs(10), Duration::from_secs(30));
    let mut tasks = JoinSet::new();
    let mut running = Vec::new();
    let mut end = began;
    for (number, family) in chosen.into_iter().enumerate() {
        let attack = began + CALM + STAGGER * u32::try_from(number).unwrap_or(0);
        end = attack + lasts;
        let books: Arc<Books> = super::new_books();
        let target = stage.target().with_host(format!("{}.{}", family.name, stage.target().host));
        let dice = 80 + 2 * number as u64;
        for crowd in crowds(stage, (family, dice), &target.host, began, attack..end) {
            let mut started = crowd.start(stage, target.http, &books, dice);
            tasks.spawn(async move { while started.join_next().await.is_some() {} });
        }
        running.push(Running { family, books, attack });
    }
    while tasks.join_next().await.is_some() {}
    let bars = running.iter().flat_map(|one| one.bars(stage, began, one.attack + lasts)).collect();
    let mut plot = Plot {
        title: format!("{row}, seed {}", stage.settings.seed),
        attack: (CALM.as_secs_f64(), (end - began).as_secs_f64()),
        panels: Vec::new(),
    };
    for one in &running {
        let mut own = panels(&one.books, began, end);
        own.truncate(1);
        plot.panels
            .extend(own.into_iter().map(|panel| crate::draw::Panel { what: one.family.name, ..panel }));
    }
    Ok(Report { row, bars, plot })
}

fn crowds(
    stage: &Stage,
    (family, dice): (&Family, u64),
    host: &str,
    began: Duration,
    attack: std::ops::Range<Duration>,
) -> [Crowd; 2] {
    let own = host.to_owned();
    let visitors = Crowd {
        label: Label::Visitor,
        addresses: homes(&stage.dice(78), VISITORS),
        rate: VISITS_PER_SECOND,
        script: Arc::new(move |dice, number| visit(dice, number, &own)),
        during: began..attack.end,
        rhythm: Rhythm::Even,
    };
    let (addresses, script) = (family.make)(stage, dice + 1, host);
    let crowd = Crowd {
        label: Label::Attacker,
        addresses,
        rate: family.rate.or(stage.settings.rate).unwrap_or(stage.by_effort(240, 400)),
        script,
        during: attack,
        rhythm: family.rhythm,
    };
    [visitors, crowd]
}

impl Running {
    fn bars(&self, stage: &Stage, began: Duration, end: Duration) -> Vec<Bar> {
        let name = self.family.name;
        let before = self.books.tally(Label::Visitor, began..self.attack);
        let calm = Bar::count(
            &format!("{name}: visitors not served before"),
            "none",
            format!("{} of {}", before.lost(), before.asked),
            before.lost() == 0 && before.asked > 0,
        );
        let own = match self.family.kind {
            Kind::Benign => vec![self.untouched(end)],
            Kind::Framing => vec![self.spared(end)],
            Kind::Hostile => self.mitigated(stage, end),
        };
        std::iter::once(calm).chain(own).collect()
    }

    /// Of a crowd that means well nobody may be turned away.
    fn untouched(&self, end: Duration) -> Bar {
        let crowd = self.books.tally(Label::Attacker, self.attack..end);
        let people = self.books.tally(Label::Visitor, self.attack..end);
        Bar::count(
            &format!("{}: not served", self.family.name),
            "none",
            format!(
                "{} of {} of the crowd, {} of {} others",
                crowd.lost(),
                crowd.asked,
                people.lost(),
                people.asked
            ),
            crowd.lost() == 0 && people.lost() == 0 && crowd.asked > 0,
        )
    }

    /// Of those whose looks an attack has taken on hardly anybody may be turned away.
    fn spared(&self, end: Duration) -> Bar {
        let crowd = self.books.tally(Label::Attacker, self.attack..end);
        let people = self.books.tally(Label::Visitor, self.attack..end);
        let (asked, lost) = (people.asked, people.lost());
        Bar::count(
            &format!("{}: visitors not served", self.family.name),
            format!("at most {LOST_PERCENT_BAR} %"),
            format!("{lost} of {asked}; {} of {} of the attack", crowd.lost(), crowd.asked),
            people.lost_percent() <= LOST_PERCENT_BAR && asked > 0,
        )
    }

    fn mitigated(&self, stage: &Stage, end: Duration) -> Vec<Bar> {
        let name = self.family.name;
        let since = mitigated_since(&self.books.course(Label::Attacker), self.attack);
        let figure =
            since.map_or("never".into(), |at| format!("after {:.1} s", (at - self.attack).as_secs_f64()));
        let in_time = since.is_some_and(|at| at - self.attack <= MITIGATED_BAR);
        let at = since.unwrap_or(end);
        let people = self.books.tally(Label::Visitor, at..end);
        let arrived = stage.arrivals(&self.books, Label::Attacker, at);
        vec![
            Bar::count(&format!("{name}: mitigated"), "before the end", figure.clone(), since.is_some()),
            Bar::time(&format!("{name}: mitigated"), "within 8 s", figure, in_time),
            Bar::count(
                &format!("{name}: visitors not served after that"),
                format!("at most {LOST_PERCENT_BAR} %"),
                format!("{} of {}; {arrived} of the attack at the origin", people.lost(), people.asked),
                match since {
                    Some(_) => Held::from(people.lost_percent() <= LOST_PERCENT_BAR),
                    None => Held::Unmeasured,
                },
            ),
        ]
    }
}

/// From when on at least nine tenths of what is asked in a second are not served, for good.
pub(super) fn mitigated_since(course: &[(Duration, bool)], attack: Duration) -> Option<Duration> {
    let last = course.last()?.0;
    let mut since = None;
    let mut at = attack;
    let step = Duration::from_millis(250);
    while at + step * 4 <= last + step {
        let window = course.iter().filter(|(due, _)| (at..at + step * 4).contains(due));
        let (asked, served) =
            window.fold((0, 0), |(asked, served), (_, is)| (asked + 1, served + usize::from(*is)));
        // A pause says nothing.
        if asked > 0 {
            let is_mitigated = served * 10 <= asked;
            since = if is_mitigated { since.or(Some(at)) } else { None };
        }
        at += step;
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(served: impl Fn(u64) -> bool) -> Vec<(Duration, bool)> {
        (0..1000).map(|number| (Duration::from_millis(number * 10), served(number))).collect()
    }

    #[test]
    fn an_attack_is_mitigated_from_when_hardly_anything_is_served_for_good() {
        let since = |served: &dyn Fn(u64) -> bool| mitigated_since(&course(served), Duration::ZERO);
        assert_eq!(since(&|_| true), None);
        assert_eq!(since(&|number| number < 300), Some(Duration::from_millis(2750 + 250)));
        assert_eq!(since(&|number| number < 300 || number % 20 == 0).map(|at| at.as_secs()), Some(3));
        assert_eq!(since(&|number| !(300..=900).contains(&number)), None, "it came back");
        assert_eq!(mitigated_since(&[], Duration::ZERO), None);
    }
}
