//! Single requests that have one right answer, and none of them at the origin.

use super::scene::Scene;
use crate::books::{Ending, Label};
use crate::caller::Caller;
use crate::population::{bots, tool};
use crate::report::{Bar, Report};
use crate::stage::Stage;
use std::fmt::Write as _;
use std::time::Duration;

pub(super) async fn run(stage: &Stage, row: &'static str) -> Report {
    let scene = Scene::open(stage, Duration::from_secs(3));
    scene.calm().await;
    let mut bars = Vec::new();
    for (number, (what, request, statuses)) in requests(&stage.target().host).into_iter().enumerate() {
        let address = bots(&stage.dice(50 + number as u64), 1)[0];
        scene.books.know(address, Label::Attacker);
        let ending = Caller::new(address, stage.target().http).ask(&request).await;
        let figure = match ending {
            Ending::Served => "served".to_owned(),
            Ending::Refused(status) => status.to_string(),
            Ending::Cut => "closed".to_owned(),
        };
        let held = matches!(ending, Ending::Refused(status) if statuses.contains(&status));
        let bar = statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        bars.push(Bar::count(what, bar, figure, held));
    }
    let arrived = stage.arrivals(&scene.books, Label::Attacker, scene.attack);
    bars.push(Bar::count("of these at the origin", "none", arrived.to_string(), arrived == 0));
    scene.close(row, bars, Vec::new()).await
}

/// What, the request, and the statuses that are right.
fn requests(host: &str) -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let with = |fields: &str| format!("GET /news HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").into_bytes();
    let many = (0..101).fold(String::new(), |mut all, number| {
        // Writing to a String cannot fail.
        let _ = write!(all, "X-{number}: 1\r\n");
        all
    });
    vec![
        ("a head of 40 KiB", with(&format!("X-Large: {}\r\n", ".".repeat(40 << 10))), &[431]),
        ("101 fields more than any browser sends", with(&many), &[431]),
        ("a request that has passed here before", with("CDN-Loop: wardmote\r\n"), &[508]),
        ("a host that nobody serves", tool("scanner/1", "GET", "nobody.invalid", "/"), &[421]),
        ("the bare address as host", tool("scanner/1", "GET", "127.0.0.1", "/"), &[421]),
    ]
}
