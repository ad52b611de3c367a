//! Floods of ordinary requests.

use super::scene::Scene;
use crate::books::{Ending, Label};
use crate::bounds::RATE_MAX;
use crate::caller::Caller;
use crate::crowd::{Crowd, Rhythm, Script};
use crate::population::{bots, tool};
use crate::report::{Bar, Report};
use crate::stage::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(super) enum Flood {
    Cached,
    Uncached,
}

/// Of a flood of a cached page the origin sees this share at most.
const AT_ORIGIN_PERCENT_MAX: f64 = 1.0;

/// Those who find out how many requests the target can refuse: each asks again as soon as it is answered.
const REFUSED_AT_ONCE: usize = 64;

/// How many requests a second the target refuses when it is asked for nothing else: those for a host that nobody serves.
async fn refusals_each_second(stage: &Stage) -> u32 {
    let lasts = stage.by_effort(Duration::from_millis(500), Duration::from_secs(3));
    let (began, target) = (Instant::now(), stage.target().http);
    let mut asking = JoinSet::new();
    for address in bots(&stage.dice(12), REFUSED_AT_ONCE) {
        asking.spawn(async move {
            let (mut caller, mut refused) = (Caller::new(address, target), 0u32);
            let request = tool("flooder/1.0", "GET", "nobody.invalid", "/");
            while began.elapsed() < lasts {
                refused += u32::from(matches!(caller.ask(&request).await, Ending::Refused(_)));
            }
            refused
        });
    }
    let refused: u32 = asking.join_all().await.into_iter().sum();
    u32::try_from(u128::from(refused) * 1000 / began.elapsed().as_millis().max(1)).unwrap_or(u32::MAX)
}

pub(super) async fn run(stage: &Stage, row: &'static str, kind: Flood) -> Report {
    let capacity = refusals_each_second(stage).await;
    let attack = stage.by_effort(Duration::from_secs(3), Duration::from_secs(20));
    let scene = Scene::open(stage, attack);
    // Half of what the target can refuse at all, so that what is measured is the target and not its end.
    let rate = stage.settings.rate.unwrap_or(stage.by_effort(300, (capacity / 2).clamp(300, RATE_MAX)));
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
        rhythm: Rhythm::Even,
    };
    scene.calm().await;
    let mut attackers = crowd.start(stage, stage.target().http, &scene.books, 11);
    while attackers.join_next().await.is_some() {}
    let asked = scene.books.tally(Label::Attacker, scene.attack..scene.end);
    let arrived = stage.arrivals(&scene.books, Label::Attacker, scene.attack);
    let offered = format!(
        "{} of {rate} each second; it refuses {capacity}",
        asked.asked as u64 / attack.as_secs().max(1)
    );
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
