//! From one process to the next without a lost request: `up --upgrade`.
//!
//! The new process asks over a Unix socket in the data folder, and the two go through four steps
//! (docs/operators/upgrade.md): the new one is given copies of all listening sockets; the old one lets go of what is kept
//! on disk, and serves on from memory; the new one takes that, starts, and accepts; the old one acknowledges that, lets
//! its visitors finish and ends. Until then the old one can go on, and does when the new one fails or takes too long;
//! then it ends the new one.
//!
//! Owns the door in the data folder and what is said through it. Must not know what the parts do.
//!
//! Invariants: both sides talk to a process of the same user alone; a socket that is given stays open on the giving side
//! until the taking side accepts on it; at no time do two processes hold what is kept on disk; one of the two goes on
//! serving and the other ends, whatever either of them misses.

mod giving;
mod news;
mod taking;
mod wire;

pub(super) use giving::{Door, Taker};
pub(super) use news::{Way, hear, tell};
pub(super) use taking::Taken;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The door.
const DOOR: &str = "upgrade.sock";
/// Sockets that may change hands.
const SOCKETS_MAX: usize = 4096;
/// The wait for a step that takes no time.
pub(super) const STEP_TIME_MAX: Duration = Duration::from_secs(10);
/// The wait for the old process to let go of what is kept on disk.
const LETTING_GO_TIME_MAX: Duration = Duration::from_secs(60);
/// The wait for the new process to start.
pub(super) const START_TIME_MAX: Duration = Duration::from_secs(180);

fn door(data_dir: &Path) -> PathBuf {
    data_dir.join(DOOR)
}

/// Whether the process at the other end is the same user's.
fn peer_is_own(stream: &UnixStream) -> io::Result<bool> {
    Ok(socket_peercred(stream)?.uid == geteuid())
}

/// What is said. Two bytes each: which word, and what is said with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// New: give me your sockets.
    Ask,
    /// Old, with a socket: this is one that listens.
    Socket,
    /// Old, with a socket: this is one for QUIC, and the generation of my connections over it.
    Datagrams(u8),
    /// Old, with a socket, behind the former: this way go datagrams of those connections.
    Passage,
    /// Old: that was all.
    AllGiven,
    /// New: I can listen on all I need; let go of what is kept on disk.
    LetGo,
    /// Old: it is yours.
    HasLetGo,
    /// New: I accept.
    Accepting,
    /// Old: I make way.
    Yours,
}

impl Word {
    fn bytes(self) -> [u8; 2] {
        match self {
            Self::Ask => [b'?', 0],
            Self::Socket => [b's', 0],
            Self::Datagrams(generation) => [b'd', generation],
            Self::Passage => [b'p', 0],
            Self::AllGiven => [b'.', 0],
            Self::LetGo => [b'l', 0],
            Self::HasLetGo => [b'g', 0],
            Self::Accepting => [b'a', 0],
            Self::Yours => [b'y', 0],
        }
    }

    fn of(bytes: [u8; 2]) -> Option<Self> {
        let [word, said] = bytes;
        Some(match word {
            b'?' => Self::Ask,
            b's' => Self::Socket,
            b'd' => Self::Datagrams(said),
            b'p' => Self::Passage,
            b'.' => Self::AllGiven,
            b'l' => Self::LetGo,
            b'g' => Self::HasLetGo,
            b'a' => Self::Accepting,
            b'y' => Self::Yours,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
