//! What the exit code says.

use std::fmt;
use std::process::ExitCode;

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// It did not work, or a check failed.
    Failed,
    /// Wrong arguments or configuration; nothing was begun.
    BadUse,
    /// `verify` held, but with keys taken from the server it was to check.
    Unproved,
    /// The verb is not built yet (`EX_UNAVAILABLE` of sysexits.h).
    NotBuilt,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::BadUse => 2,
            Exit::Unproved => 3,
            Exit::NotBuilt => 69,
        })
    }
}

/// Why a verb ended early: text for people, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Failed, message: message.to_string() }
    }

    pub(crate) fn bad_use(message: impl fmt::Display) -> Self {
        Self { exit: Exit::BadUse, message: message.to_string() }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
