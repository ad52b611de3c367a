//! Connections that are many, or never become any use.

use super::held::held;
use super::scene::Scene;
use crate::books::Label;
use crate::bounds::CONNECTIONS_MAX;
use crate::caller::connect;
use crate::draw::{Line, Panel, RED};
use crate::population::{bots, browser};
use crate::report::{Bar, Held, Report};
use crate::stage::Stage;
use crate::tls::connect_tls;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    Handshakes,
    HalfHandshakes,
    Idle,
}

/// A TLS record that promises a ClientHello and brings three bytes of it.
const HALF_HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01];
/// How long a handshake may take.
const HANDSHAKE_BAR: Duration = Duration::from_secs(5);
/// Those who handshake at a time.
const AT_ONCE: usize = 64;
/// How many idle connections one address may hold on an edge that is well.
const IDLE_BAR: usize = 5_000;

impl Unfinished {
    pub(super) fn speaks_tls(self) -> bool {
        self != Self::Idle
    }
}

pub(super) async fn run(stage: &Stage, row: &'static str, kind: Unfinished) -> Report {
    let scene = Scene::open(stage, stage.by_effort(Duration::from_secs(9), Duration::from_secs(20)));
    scene.calm().await;
    match kind {
        Unfinished::Handshakes => handshakes(stage, row, scene).await,
        Unfinished::HalfHandshakes => half_handshakes(stage, row, scene).await,
        Unfinished::Idle => idle(stage, row, scene).await,
    }
}

/// New visitors over TLS, one after the other, until the time is over: served, of how many.
async fn newcomers(stage: &Stage, until: Duration) -> (usize, usize) {
    let (mut served, mut asked) = (0, 0);
    while stage.now() < until {
        asked += 1;
        let visit = tokio::time::timeout(Duration::from_secs(10), visit(stage)).await;
        served += usize::from(matches!(visit, Ok(Ok(true))));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    (served, asked)
}

async fn visit(stage: &Stage) -> std::io::Result<bool> {
    let mut stream = connect_tls(Ipv4Addr::new(127, 90, 0, 1), stage.target(), b"http/1.1").await?;
    stream.write_all(&browser(0, &stage.target().host, "/cached/1", None)).await?;
    let mut head = vec![0; 4096];
    let count = stream.read(&mut head).await?;
    Ok(String::from_utf8_lossy(&head[..count]).to_ascii_lowercase().contains(crate::origin::MARK))
}

fn newcomers_bar((served, asked): (usize, usize)) -> Bar {
    Bar::count(
        "new visitors over TLS served",
        "all",
        format!("{served} of {asked}"),
        served == asked && asked > 0,
    )
}

async fn handshakes(stage: &Stage, row: &'static str, scene: Scene<'_>) -> Report {
    let until = scene.attack + stage.by_effort(Duration::from_secs(3), Duration::from_secs(15));
    let done = Arc::new(AtomicUsize::new(0));
    let mut attackers = JoinSet::new();
    for address in bots(&stage.dice(40), AT_ONCE) {
        let (target, done) = (stage.target().clone(), Arc::clone(&done));
        let (began, until) = (stage.began, until);
        attackers.spawn(async move {
            while began.elapsed() < until {
                if connect_tls(address, &target, b"http/1.1").await.is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let newcomers = newcomers(stage, until).await;
    attackers.abort_all();
    let done = done.load(Ordering::Relaxed);
    let figure = format!("{done}, {AT_ONCE} at a time");
    let bars = vec![Bar::count("handshakes of attackers", "told", figure, true), newcomers_bar(newcomers)];
    scene.close(row, bars, Vec::new()).await
}

async fn half_handshakes(stage: &Stage, row: &'static str, scene: Scene<'_>) -> Report {
    let wanted = stage.by_effort(200, 3000);
    let target = stage.target().tls.unwrap_or(stage.target().http);
    let mut streams = open_many(stage, &scene, &bots(&stage.dice(41), wanted), target).await;
    for stream in &mut streams {
        // One that is closed already counts as such.
        let _ = stream.write_all(HALF_HELLO).await;
    }
    let ours: HashSet<SocketAddr> = streams.iter().filter_map(|stream| stream.local_addr().ok()).collect();
    let opened = stage.now();
    let newcomers = newcomers(stage, opened + Duration::from_secs(2)).await;
    let mut course = Vec::new();
    let left = loop {
        let left = held(target.port(), &ours);
        #[allow(clippy::cast_precision_loss, reason = "counts of a rehearsal")]
        course.extend(left.map(|left| (scene.seconds(stage.now()), left as f64)));
        if left.is_none_or(|left| left == 0) || stage.now() > opened + HANDSHAKE_BAR * 3 {
            break left;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    let lasted = stage.now() - opened;
    let bars = vec![
        Bar::count(
            "connections opened",
            format!("{wanted}"),
            format!("{}", ours.len()),
            ours.len() == wanted,
        ),
        newcomers_bar(newcomers),
        Bar::count(
            "still held at the end",
            "none",
            left.map_or("unknown".into(), |left| format!("{left}")),
            left.map_or(Held::Unmeasured, |left| Held::from(left == 0)),
        ),
        Bar::time(
            "the last one ended after",
            "at most 6 s",
            format!("{:.1} s", lasted.as_secs_f64()),
            left == Some(0) && lasted <= HANDSHAKE_BAR + Duration::from_secs(1),
        ),
    ];
    let line = Line { name: "held by the target", colour: RED, width: 2, points: course };
    scene.close(row, bars, vec![Panel { what: "connections", lines: vec![line] }]).await
}

async fn idle(stage: &Stage, row: &'static str, scene: Scene<'_>) -> Report {
    // A third of what may be comes from one address, the rest from everywhere.
    let wanted = stage.by_effort(600, CONNECTIONS_MAX);
    let one = vec![Ipv4Addr::new(127, 150, 0, 1); wanted / 3];
    let addresses = [one, bots(&stage.dice(42), wanted - wanted / 3)].concat();
    let streams = open_many(stage, &scene, &addresses, stage.target().http).await;
    let ours: HashSet<SocketAddr> = streams.iter().filter_map(|stream| stream.local_addr().ok()).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kept = held(stage.target().http.port(), &ours);
    // New visitors, not those who hold connections already.
    let mut served = 0;
    let asked = 50;
    for address in bots(&stage.dice(43), asked) {
        let mut caller = crate::caller::Caller::new(address, stage.target().http);
        let ending = caller.ask(&browser(1, &stage.target().host, "/cached/1", None)).await;
        served += usize::from(ending == crate::books::Ending::Served);
    }
    let bar = wanted.min(IDLE_BAR);
    let bars = vec![
        Bar::count("idle connections tried", format!("{wanted}"), format!("{} opened", ours.len()), true),
        Bar::count(
            "of them held by the target",
            format!("at least {bar}"),
            kept.map_or("unknown".into(), |kept| format!("{kept}")),
            kept.map_or(Held::Unmeasured, |kept| Held::from(kept >= bar)),
        ),
        Bar::count("new visitors served", "all", format!("{served} of {asked}"), served == asked),
    ];
    let report = scene.close(row, bars, Vec::new()).await;
    drop(streams);
    report
}

/// Opens one connection from each address, as far as descriptors go.
async fn open_many(stage: &Stage, scene: &Scene<'_>, from: &[Ipv4Addr], to: SocketAddr) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for address in from.iter().take(CONNECTIONS_MAX) {
        scene.books.know(*address, Label::Attacker);
        match tokio::time::timeout(Duration::from_secs(2), connect(*address, to)).await {
            Ok(Ok(stream)) => streams.push(stream),
            Ok(Err(_)) | Err(_) if stage.now() > scene.end => break,
            Ok(Err(_)) | Err(_) => {}
        }
    }
    streams
}
