//! Connections that go on for ever, a byte at a time.

use super::held::held;
use super::scene::Scene;
use crate::books::Label;
use crate::draw::{Line, Panel, RED};
use crate::population::bots;
use crate::report::{Bar, Held, Report};
use crate::stage::Stage;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    Header,
    Body,
    Read,
}

impl Slow {
    /// How long such a connection may last.
    fn bar(self) -> Duration {
        match self {
            Self::Header => Duration::from_secs(11),
            Self::Body | Self::Read => Duration::from_secs(30),
        }
    }

    fn beginning(self, host: &str) -> String {
        match self {
            Self::Header => format!("GET /news HTTP/1.1\r\nHost: {host}\r\n"),
            Self::Body => format!("POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n"),
            Self::Read => format!("GET /large HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        }
    }

    /// What is sent every now and then so that the connection does not look idle.
    fn crumb(self) -> &'static [u8] {
        match self {
            Self::Header => b"X-More: 1\r\n",
            Self::Body => b".",
            Self::Read => b"",
        }
    }
}

/// What comes more slowly than the bars allow for, on top of them, before it counts as never.
const GRACE: Duration = Duration::from_secs(8);
const CRUMB_EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(stage: &Stage, row: &'static str, kind: Slow) -> Report {
    let scene = Scene::open(stage, kind.bar() + GRACE);
    scene.calm().await;
    let wanted = stage.by_effort(200, 4000);
    let mut ours = HashSet::new();
    let mut connections = JoinSet::new();
    for address in bots(&stage.dice(20), wanted) {
        scene.books.know(address, Label::Attacker);
        if let Ok(stream) = begin(address, stage.target().http, kind, &stage.target().host).await {
            ours.extend(stream.local_addr().ok());
            connections.spawn(linger(stream, kind));
        }
    }
    let opened = stage.now();
    let (course, left) = watch(stage, &scene, &ours, kind.bar() + GRACE / 2).await;
    let lasted = (stage.now() - opened).as_secs_f64();
    connections.abort_all();
    let bars = vec![
        Bar::count(
            "connections opened",
            format!("{wanted}"),
            format!("{}", ours.len()),
            ours.len() == wanted,
        ),
        Bar::count(
            "still held at the end",
            "none",
            left.map_or("unknown".into(), |left| format!("{left}")),
            left.map_or(Held::Unmeasured, |left| Held::from(left == 0)),
        ),
        Bar::time(
            "the last one ended after",
            format!("at most {} s", kind.bar().as_secs()),
            format!("{lasted:.1} s"),
            if left == Some(0) { Held::from(lasted <= kind.bar().as_secs_f64()) } else { Held::No },
        ),
    ];
    let line = Line { name: "held by the target", colour: RED, width: 2, points: course };
    scene.close(row, bars, vec![Panel { what: "connections", lines: vec![line] }]).await
}

/// Counts what is held until nothing is, or the time is over.
pub(super) async fn watch(
    stage: &Stage,
    scene: &Scene<'_>,
    ours: &HashSet<SocketAddr>,
    limit: Duration,
) -> (Vec<(f64, f64)>, Option<usize>) {
    let end = stage.now() + limit;
    let mut course = Vec::new();
    loop {
        let count = held(stage.target().http.port(), ours);
        #[allow(clippy::cast_precision_loss, reason = "counts of a rehearsal")]
        course.extend(count.map(|count| (scene.seconds(stage.now()), count as f64)));
        if count.is_none_or(|count| count == 0) || stage.now() > end {
            return (course, count);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn begin(from: Ipv4Addr, to: SocketAddr, kind: Slow, host: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if kind == Slow::Read {
        socket.set_recv_buffer_size(4096)?;
    }
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(to).await?;
    stream.write_all(kind.beginning(host).as_bytes()).await?;
    Ok(stream)
}

async fn linger(mut stream: TcpStream, kind: Slow) {
    let mut taken = [0; 8];
    loop {
        tokio::time::sleep(CRUMB_EVERY).await;
        let goes_on = match kind {
            Slow::Read => stream.read(&mut taken).await.is_ok(),
            Slow::Header | Slow::Body => stream.write_all(kind.crumb()).await.is_ok(),
        };
        if !goes_on {
            return;
        }
    }
}
