//! A process while it serves: what it waits for, and how it makes way for the next one.

use super::folder::{self, Held};
use super::handover::{Door, START_TIME_MAX, Taker, Way};
use super::parts::Parts;
use super::report::Report;
use super::signals::{Asked, Signals};
use crate::config::Config;
use crate::exit::Failure;
use edge::{Handover, MakingWay};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};

/// The data folder with its door.
pub(super) struct House<'a> {
    config: &'a Config,
    /// Away while another process may have them.
    keys: Option<Keys>,
    /// The program to start when this process is to make way: as it was called, before the file was replaced.
    program: Option<PathBuf>,
    successor: Option<Child>,
}

/// What only the process that holds the data folder has. Dropped in this order: once the folder is free, what lies in the
/// door's place is the next process's own.
struct Keys {
    door: Door,
    _held: Held,
}

impl Keys {
    fn new(config: &Config, held: Held) -> Result<Self, Failure> {
        let door = Door::open(&config.data_dir).map_err(Failure::failed)?;
        Ok(Self { door, _held: held })
    }
}

/// Why a process ends.
pub(super) enum Ending {
    /// It was asked to.
    Asked,
    /// A part ended that should not.
    Broken(Failure),
    /// Another process serves, and tells of measures and purges on this way.
    HandedOver(Way),
}

impl<'a> House<'a> {
    /// Opens the door.
    pub(super) fn new(config: &'a Config, held: Held) -> Result<Self, Failure> {
        let program = std::env::current_exe().ok();
        Ok(Self { config, keys: Some(Keys::new(config, held)?), program, successor: None })
    }

    /// Waits until there is a reason to end, and hands over to those who ask for it.
    pub(super) async fn attend(
        &mut self,
        parts: &mut Parts,
        signals: &mut Signals,
        report: Report,
    ) -> Ending {
        loop {
            let taker = tokio::select! {
                asked = signals.next() => match asked {
                    Asked::End => return Ending::Asked,
                    Asked::Renew => {
                        self.start_successor(report);
                        continue;
                    }
                },
                failure = parts.broken() => return Ending::Broken(failure),
                taker = taker(self.keys.as_ref()) => taker,
            };
            tokio::select! {
                ending = self.hand_over(taker, parts, report) => if let Some(ending) = ending { return ending },
                () = signals.end() => return Ending::Asked,
            }
        }
    }

    /// Makes way for another process: the reason to end where that one serves now, or where this one cannot go on as it
    /// was; none where it goes on.
    async fn hand_over(&mut self, taker: Taker, parts: &mut Parts, report: Report) -> Option<Ending> {
        let given = match parts.handover() {
            Ok(Handover { listeners, datagrams, making_way }) => {
                taker.give(listeners, datagrams).await.map(|taker| (taker, making_way))
            }
            Err(error) => Err(error),
        };
        let (taker, making_way) = match given {
            Ok(given) => given,
            Err(error) => {
                report.warn(format!("another process did not take over: {error}"), "this one goes on");
                return None;
            }
        };
        if let Err(failure) = parts.let_go().await {
            tracing::warn!(%failure, "the control plane did not end in order");
        }
        self.keys = None;
        match make_way(taker, making_way).await {
            Ok(way) => Some(Ending::HandedOver(way)),
            Err(error) => {
                report.warn(
                    format!("the process that was to take over failed: {error}"),
                    "this one goes on; its cache is in memory alone until it is started again",
                );
                self.come_back(parts).await
            }
        }
    }

    /// Takes up again what was let go of. A process that cannot have its folder any more ends: whoever holds it serves.
    async fn come_back(&mut self, parts: &mut Parts) -> Option<Ending> {
        let keys = folder::hold_again(&self.config.data_dir).await;
        match keys.and_then(|held| Keys::new(self.config, held)) {
            Ok(keys) => self.keys = Some(keys),
            Err(failure) => return Some(Ending::Broken(failure)),
        }
        if let Err(failure) = parts.go_on(self.config).await {
            tracing::error!(%failure, "visitors are served on, but there is no control plane");
        }
        None
    }

    /// Starts the program as it is on disk now, with the same arguments, to take over.
    fn start_successor(&mut self, report: Report) {
        if let Some(child) = &mut self.successor
            && matches!(child.try_wait(), Ok(None))
        {
            return report.warn("a process that is to take over is on its way", "wait for it");
        }
        let Some(program) = &self.program else {
            return report.warn("the path of this program is not known", "start it with --upgrade yourself");
        };
        let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--upgrade");
        match Command::new(program).args(arguments).arg("--upgrade").spawn() {
            Ok(child) => self.successor = Some(child),
            Err(error) => {
                report.warn(format!("cannot start {}: {error}", program.display()), "this process goes on")
            }
        }
    }
}

/// Waits until the other process accepts, and leaves the rest to it. The error says that it runs no longer.
async fn make_way(taker: Taker, mut making_way: MakingWay) -> io::Result<Way> {
    let taker = taker.take_it(START_TIME_MAX).await?;
    // First: once it is told, it reads.
    making_way.step_aside();
    let told = taker.make_way().await;
    if told.is_err() {
        making_way.step_back();
    }
    told
}

/// Waits at the door, if there is one.
async fn taker(keys: Option<&Keys>) -> Taker {
    match keys {
        Some(keys) => keys.door.taker().await,
        None => std::future::pending().await,
    }
}
