//! Floods of ordinary requests.

use super::scene::Scene;
use crate::books::Label;
use crate::crowd::{Crowd, Script};
use crate::population::{bots, tool};
use crate::report::{Bar, Report};
use crate::stage::Stage;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) enum Flood {
    Cached,
    Uncached,
}

/// Of a flood of a cached page the origin sees this share at most.
const AT_ORIGIN_PERCENT_MAX: f64 = 1.0;

pub(super) async fn run(stage: &Stage, row: &'static str, kind: Flood) -> Report {
    let attack = stage.by_effort(Duration::from_secs(3), Duration::from_secs(20));
    let scene = Scene::open(stage, attack);
    let rate = stage.settings.rate.unwrap_or(stage.by_effort(300, 2000));
    let host = stage.target().host.clone();
    let script: Script = match kind {
        Flood::Cached => Arc::new(move |_, _| tool("flooder/1.0", "GET", &host, "/cached/1")),
        Flood::Uncached => Arc::new(move |dice, _| {
            tool("flooder/1.0", "GET", &host, &format!("/news?{:x}", dice.next_u64()))
        }),
    };
    let crowd = Crowd {
        label: Label::Attacker,
        addresses: bots(&stage.dice(10), stage.by_effort(200, 2000)),
        rate,
        script,
        during: scene.attack..scene.end,
        pulse: None,
    };
    scene.calm().await;
    let mut attackers = crowd.start(stage, stage.target().http, &scene.books, 11);
    while attackers.join_next().await.is_some() {}
    let asked = scene.books.tally(Label::Attacker, scene.attack..scene.end);
    let arrived = stage.arrivals(&scene.books, Label::Attacker, scene.attack);
    let offered =
        format!("{} of {rate} asked for, each second", asked.asked as u64 / attack.as_secs().max(1));
    let mut bars = vec![Bar::count("attackers' requests", "offered", offered, asked.asked > 0)];
    #[allow(clippy::cast_precision_loss, reason = "counts of a rehearsal")]
    let share = arrived as f64 * 100.0 / (asked.asked as f64).max(1.0);
    let figure = format!("{arrived} of {} ({share:.1} %)", asked.asked);
    bars.push(match kind {
        Flood::Cached => Bar::count(
            "attackers' requests at the origin",
            format!("at most {AT_ORIGIN_PERCENT_MAX} %"),
            figure,
            share <= AT_ORIGIN_PERCENT_MAX,
        ),
        // What the origin can take is its own affair; that visitors do not wait says whether it was too much.
        Flood::Uncached => Bar::count("attackers' requests at the origin", "told", figure, true),
    });
    scene.close(row, bars, Vec::new()).await
}
