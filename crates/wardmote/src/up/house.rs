//! A process while it serves: what it waits for, and how it makes way for the next one.

use super::folder::{self, Held};
use super::handover::{Door, Taker};
use super::parts::Parts;
use super::report::Report;
use super::signals::{Asked, Signals};
use crate::config::Config;
use crate::exit::Failure;
use std::path::PathBuf;
use std::process::{Child, Command};

/// The data folder with its door.
pub(super) struct House<'a> {
    config: &'a Config,
    /// Away while another process may have them.
    keys: Option<(Held, Door)>,
    /// The program to start when this process is to make way: as it was called, before the file was replaced.
    program: Option<PathBuf>,
    successor: Option<Child>,
}

/// Why a process ends.
pub(super) enum Ending {
    /// It was asked to.
    Asked,
    /// A part ended that should not.
    Broken(Failure),
    /// Another process serves.
    HandedOver,
}

impl<'a> House<'a> {
    pub(super) fn new(config: &'a Config, held: Held) -> Result<Self, Failure> {
        let door = Door::open(&config.data_dir).map_err(Failure::failed)?;
        let program = std::env::current_exe().ok();
        Ok(Self { config, keys: Some((held, door)), program, successor: None })
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
                over = self.hand_over(taker, parts, report) => if over { return Ending::HandedOver },
                () = signals.end() => return Ending::Asked,
            }
        }
    }

    /// Whether another process serves now. Where it fails to, this one goes on.
    async fn hand_over(&mut self, taker: Taker, parts: &mut Parts, report: Report) -> bool {
        let given = match parts.listening() {
            Ok(sockets) => taker.give(sockets).await,
            Err(error) => Err(error),
        };
        let taker = match given {
            Ok(taker) => taker,
            Err(error) => {
                report.warn(format!("another process did not take over: {error}"), "this one goes on");
                return false;
            }
        };
        if let Err(failure) = parts.let_go().await {
            tracing::warn!(%failure, "the control plane did not end in order");
        }
        self.keys = None;
        match taker.take_it().await {
            Ok(_) => true,
            Err(error) => {
                report.warn(
                    format!("the process that was to take over failed: {error}"),
                    "this one goes on; its cache is in memory alone until it is started again",
                );
                if let Err(failure) = self.come_back(parts).await {
                    tracing::error!(%failure, "visitors are served on, but there is no control plane");
                }
                false
            }
        }
    }

    async fn come_back(&mut self, parts: &mut Parts) -> Result<(), Failure> {
        let held = folder::hold_again(&self.config.data_dir).await?;
        let door = Door::open(&self.config.data_dir).map_err(Failure::failed)?;
        self.keys = Some((held, door));
        parts.go_on(self.config).await
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

/// Waits at the door, if there is one.
async fn taker(keys: Option<&(Held, Door)>) -> Taker {
    match keys {
        Some((_, door)) => door.taker().await,
        None => std::future::pending().await,
    }
}
