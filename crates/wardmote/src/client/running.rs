//! `running.json` in the data folder: where the process that holds the folder listens.

use crate::exit::Failure;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Addresses of a running process, as bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    pub(crate) control: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) https: Vec<SocketAddr>,
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("running.json")
}

impl Running {
    /// What the last start wrote; the process may have ended since.
    pub(crate) fn read(data_dir: &Path) -> Result<Self, Failure> {
        let path = place(data_dir);
        let text = std::fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::failed(format!(
                "nothing runs in {}; start it with `wardmote up`, or name its folder with --data-dir",
                data_dir.display()
            )),
            _ => Failure::failed(format!("cannot read {}: {error}", path.display())),
        })?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::failed(format!("{} is damaged: {error}; start again", path.display())))
    }

    /// Writes it whole or not at all.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let path = place(data_dir);
        let draft = path.with_extension("json.new");
        std::fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&draft, &path)
    }

    /// Removes it at a clean end.
    pub(crate) fn remove(data_dir: &Path) {
        // A file that stays only makes the next message less exact.
        let _ = std::fs::remove_file(place(data_dir));
    }
}
