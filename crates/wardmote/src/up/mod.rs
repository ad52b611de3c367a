//! `wardmote up`: everything in one process, from the first check to the last join.
//!
//! One supervision tree: signals are seen here alone, and become one cancelled token; every part is
//! joined before the process ends, within a bounded time.

mod activation;
mod choice;
pub(crate) mod folder;
mod handover;
mod house;
mod names;
mod notify;
mod origins;
mod parts;
mod plan;
mod ports;
mod report;
mod signals;
mod sites;

use crate::client::Running;
use crate::command_line::Up;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use edge::{Cut, Inherited};
use folder::Held;
use handover::{STEP_TIME_MAX, Taken, Way};
use house::{Ending, House};
use parts::{Parts, Started};
use plan::Plan;
use report::Report;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use signals::Signals;
use std::io::{self, IsTerminal as _};
use tokio_util::sync::CancellationToken;

/// The database in the data folder.
pub(crate) const RECORDS_FILE: &str = "records.sqlite";
/// Threads for the control plane; the edge has its own.
const CONTROL_THREADS: usize = 2;

pub(crate) fn run(arguments: &Up, json: bool) -> Result<Exit, Failure> {
    let report = if json { Report::Json } else { Report::Lines };
    let plan = Plan::of(arguments, report)?;
    start_log();
    raise_descriptor_limit();
    keep_pages_small();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("wardmote-control")
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let exit = runtime.block_on(serve(&plan, arguments.upgrade, report));
    // Every part was joined; a thread that is late all the same must not hold the process.
    runtime.shutdown_background();
    exit
}

/// Warnings and errors go to standard error; `WARDMOTE_LOG` asks for more, such as `info` or `edge=debug`.
pub(crate) fn start_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("WARDMOTE_LOG")
        .with_default_directive(tracing::level_filters::LevelFilter::WARN.into())
        .from_env_lossy();
    // The only subscriber of the process; a second `up` in one process does not exist.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
}

/// Has memory come in pages of 4 KiB (prctl(2), `PR_SET_THP_DISABLE`): the kernel clears a huge one whole when its first
/// byte is touched, and a cache that fills touches new memory all the time (docs/benchmarks.md).
fn keep_pages_small() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::info!(%error, "the kernel goes on giving huge pages");
    }
}

/// Each visitor and each origin takes a descriptor, and the usual soft limit is 1,024: takes what the
/// system allows. Where it allows no more, the edge turns visitors away before it runs out.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn serve(plan: &Plan, upgrade: bool, report: Report) -> Result<Exit, Failure> {
    let config = &plan.config;
    // Before anything serves: a signal that comes early must find its listener.
    let mut signals = Signals::new().map_err(Failure::failed)?;
    let before = if upgrade { Some(take_sockets(config)?) } else { None };
    let inherited = match &before {
        Some(taken) => taken.sockets.clone(),
        None => activation::sockets().map_err(Failure::failed)?,
    };
    let held = take_folder(plan, before.as_ref(), &inherited)?;
    report.ok(format!("data in {} (SQLite)", config.data_dir.display()));
    report.ok(format!("ports: {}", listed(plan.wanted().iter().map(|wanted| wanted.address.port()))));
    for host in &plan.public {
        names::check(host, report).await;
        names::tell_of_certificate(host, &config.acme, report);
    }
    let stop = CancellationToken::new();
    let (mut parts, started) = Parts::start(plan, inherited, &stop, report).await?;
    let mut house = match open_house(config, held, before) {
        Ok((house, way)) => {
            way.into_iter().for_each(|way| parts.tell(way));
            house
        }
        Err(failure) => {
            stop.cancel();
            // The first failure is the one to tell.
            let _ = parts.join().await;
            return Err(failure);
        }
    };
    announce(config, &started, report);
    notify::ready();
    let ending = house.attend(&mut parts, &mut signals, report).await;
    end(plan, ending, parts, &stop, &mut signals, report).await
}

/// Opens the door, and has the process before make way. In this order: whoever wants to take over asks at a door that is
/// there at any time.
fn open_house(
    config: &Config,
    held: Held,
    before: Option<Taken>,
) -> Result<(House<'_>, Option<Way>), Failure> {
    let house = House::new(config, held)?;
    let Some(before) = before else { return Ok((house, None)) };
    let made_way = before.accepting(STEP_TIME_MAX);
    made_way.map(|way| (house, way)).map_err(|error| {
        Failure::failed(format!("the process before this one does not make way: {error}; it goes on"))
    })
}

/// The sockets of the process that runs.
fn take_sockets(config: &Config) -> Result<Taken, Failure> {
    Taken::ask(&config.data_dir).map_err(|error| {
        let folder = config.data_dir.display();
        Failure::failed(format!(
            "no process in {folder} hands its sockets over: {error}; start without --upgrade if none runs"
        ))
    })
}

/// The data folder, once every address can be had; from the process before where there is one.
fn take_folder(plan: &Plan, before: Option<&Taken>, inherited: &Inherited) -> Result<Held, Failure> {
    let data_dir = &plan.config.data_dir;
    let mut wanted = plan.wanted();
    wanted.retain(|wanted| !inherited.has(wanted.address));
    match before {
        None => {
            let held = folder::hold(data_dir)?;
            ports::check(&wanted).map_err(Failure::failed).map(|()| held)
        }
        Some(before) => {
            // Whatever can fail fails before the other lets go.
            ports::check(&wanted).map_err(Failure::failed)?;
            before.have_it_let_go().map_err(|error| {
                Failure::failed(format!("the running process did not let go of its data: {error}"))
            })?;
            folder::hold(data_dir)
        }
    }
}

/// Ends every part, within bounds.
async fn end(
    plan: &Plan,
    ending: Ending,
    mut parts: Parts,
    stop: &CancellationToken,
    signals: &mut Signals,
    report: Report,
) -> Result<Exit, Failure> {
    report.gap();
    let patience = plan.config.edge.drain.as_secs();
    report.line("Ending", format!("visitors may finish, at most {patience} s; once more to end at once"));
    stop.cancel();
    let ending = match ending {
        Ending::HandedOver(way) => {
            parts.hear(way);
            Ok(())
        }
        other => {
            notify::stopping();
            Running::remove(&plan.config.data_dir);
            if let Ending::Broken(failure) = other { Err(failure) } else { Ok(()) }
        }
    };
    tokio::select! {
        joined = parts.join() => ending.and(joined).map(|cut| farewell(cut, report)),
        () = signals.end() => Err(Failure::failed("ended at once; nothing kept is lost")),
    }
}

fn farewell(cut: Cut, report: Report) -> Exit {
    let Cut { connections, tunnels } = cut;
    if connections > 0 {
        report.line(
            "Cut",
            format!("{connections} connections that were still open, {tunnels} of them tunnels"),
        );
    }
    Exit::Done
}

fn announce(config: &Config, started: &Started, report: Report) {
    let running = &started.running;
    report.ok(format!("local CA for test names; to trust it, import {}", started.authority.display()));
    report.ok(format!("cache: {} in memory", config.cache.memory));
    report.gap();
    if started.is_demonstration {
        let port = running.http.first().map_or(80, |address| address.port());
        report.line("Site", format!("http://localhost:{port}/   (demonstration)"));
    }
    report.line("Console", format!("{}   (one use, 30 min)", started.setup_link));
    report.line("Record", format!("{}/record/", running.public_url));
    report.line("Next", "wardmote status · apply -f sites.toml · verify URL");
    report.document(&json!({
        "running": running,
        "setup_link": started.setup_link,
        "authority": started.authority,
        "demonstration": started.is_demonstration,
    }));
}

fn listed(numbers: impl Iterator<Item = u16>) -> String {
    let rows: Vec<String> = numbers.map(|number| number.to_string()).collect();
    rows.join(", ")
}
