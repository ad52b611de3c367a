//! A flood that is spread over so many sites that none of them sees much of it.

use super::families::{CALM, LOST_PERCENT_BAR, MITIGATED_BAR, mitigated_since};
use crate::books::{Books, Label};
use crate::crowd::{Crowd, Rhythm, Script};
use crate::draw::{Plot, panels};
use crate::population::{bots, homes, tool, visit};
use crate::report::{Bar, Held, Report};
use crate::stage::{Stage, StageError};
use std::sync::Arc;
use std::time::Duration;

/// Over so many sites.
pub(super) const SITES: u64 = 500;
const VISITORS: usize = 40;
const VISITS_PER_SECOND: u32 = 40;

/// The host of one of them.
pub(super) fn site(number: u64, host: &str) -> String {
    format!("s{number}.carpet.{host}")
}

pub(super) async fn run(stage: &Stage, row: &'static str) -> Result<Report, StageError> {
    super::ready(stage, &site(0, &stage.target().host)).await?;
    let books: Arc<Books> = super::new_books();
    let began = stage.now();
    let attack = began + CALM;
    let end = attack + stage.by_effort(Duration::from_secs(12), Duration::from_secs(30));
    let host = stage.target().host.clone();
    let crowd = |label, addresses, rate, script, during| Crowd {
        label,
        addresses,
        rate,
        script,
        during,
        rhythm: Rhythm::Even,
    };
    let own = host.clone();
    let visits: Script = Arc::new(move |dice, number| visit(dice, number, &site(dice.below(SITES), &own)));
    let flood: Script =
        Arc::new(move |dice, _| tool("aiohttp/3.13", "GET", &site(dice.below(SITES), &host), "/news/1"));
    let rate = stage.settings.rate.unwrap_or(stage.by_effort(600, 2000));
    let visitors = homes(&stage.dice(50), VISITORS);
    let visitors = crowd(Label::Visitor, visitors, VISITS_PER_SECOND, visits, began..end);
    let attackers = crowd(Label::Attacker, bots(&stage.dice(51), 400), rate, flood, attack..end);
    let mut tasks = visitors.start(stage, stage.target().http, &books, 52);
    let mut flooding = attackers.start(stage, stage.target().http, &books, 53);
    while tasks.join_next().await.is_some() {}
    while flooding.join_next().await.is_some() {}
    let plot = Plot {
        title: format!("{row}, seed {}", stage.settings.seed),
        panels: panels(&books, began, end),
        attack: (CALM.as_secs_f64(), (end - began).as_secs_f64()),
    };
    Ok(Report { row, bars: bars(stage, &books, attack, end), plot })
}

fn bars(stage: &Stage, books: &Books, attack: Duration, end: Duration) -> Vec<Bar> {
    let since = mitigated_since(&books.course(Label::Attacker), attack);
    let took = since.map(|at| at - attack);
    let figure = took.map_or("never".into(), |took| format!("after {:.1} s", took.as_secs_f64()));
    let asked = books.tally(Label::Attacker, attack..end).asked;
    let people = books.tally(Label::Visitor, since.unwrap_or(attack)..end);
    let arrived = stage.arrivals(books, Label::Attacker, since.unwrap_or(attack));
    let lost = format!("{} of {}; {arrived} of the attack at the origin", people.lost(), people.asked);
    let offered = format!("{asked} requests, over {SITES} sites");
    vec![
        Bar::count("the attack", "offered", offered, asked > 0),
        Bar::count("carpet: mitigated", "before the end", figure.clone(), since.is_some()),
        Bar::time("carpet: mitigated", "within 8 s", figure, took.is_some_and(|took| took <= MITIGATED_BAR)),
        Bar::count(
            "carpet: visitors not served after that",
            format!("at most {LOST_PERCENT_BAR} %"),
            lost,
            Held::from(people.lost_percent() <= LOST_PERCENT_BAR && people.asked > 0),
        ),
    ]
}
