//! The signals that a process hears.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals, from the moment this value exists.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end.
    End,
    /// To make way for the program and the configuration as they are now.
    Renew,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End,
            _ = self.terminate.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Renew,
        }
    }

    /// Waits until the process is asked to end.
    pub(super) async fn end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
