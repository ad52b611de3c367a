//! Where a log is read from: a folder with a copy of it, or its address (C2SP tlog-tiles).
//!
//! Owns finding the checkpoint and fetching tiles, each within its bound. Judges nothing: whatever a
//! source says is data for `snapshot`.

use crate::client;
use crate::exit::Failure;
use http::StatusCode;
use ledger::note::{NOTE_BYTES_MAX, Note};
use ledger::tiles::Tile;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Where a log lies below the folder of a whole record, or below its server's address.
const BELOW: [&str; 3] = ["", "log", "record/log"];

/// A log that can be read.
#[derive(Debug)]
pub(crate) enum LogSource {
    /// The folder that holds `checkpoint` and `tile/`.
    Folder(PathBuf),
    /// The address below which they are, without a slash at its end.
    Address(String),
}

impl LogSource {
    /// Finds the log in a folder or at an address, or below it.
    pub(crate) async fn find(place: &str) -> Result<Self, Failure> {
        for below in BELOW {
            let source = if place.contains("://") {
                Self::Address(format!("{}/{below}", place.trim_end_matches('/')).trim_end_matches('/').into())
            } else {
                Self::Folder(Path::new(place).join(below))
            };
            if source.read("checkpoint", NOTE_BYTES_MAX).await?.is_some() {
                return Ok(source);
            }
        }
        Err(Failure::failed(format!("there is no log at {place}: no file \"checkpoint\"")))
    }

    /// The newest checkpoint.
    pub(crate) async fn checkpoint(&self) -> Result<Note, Failure> {
        let bytes = self.read("checkpoint", NOTE_BYTES_MAX).await?;
        let bytes = bytes.ok_or_else(|| Failure::failed("the log has no checkpoint"))?;
        let note = std::str::from_utf8(&bytes).ok().and_then(|text| Note::parse(text).ok());
        note.ok_or_else(|| Failure::failed("the log's checkpoint is no signed note"))
    }

    /// A file of the record that lies beside the log's folder, as `/record/NAME` does beside `/record/log/`;
    /// none where there is none, or where the log stands alone.
    pub(crate) async fn beside(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        let record = match self {
            Self::Folder(log) if log.ends_with("log") => log.parent().map(|above| Self::Folder(above.into())),
            Self::Address(log) => log.strip_suffix("/log").map(|above| Self::Address(above.into())),
            Self::Folder(_) => None,
        };
        match record {
            Some(record) => record.read(name, bytes_max).await,
            None => Ok(None),
        }
    }

    /// The bytes of a tile or bundle. A narrow one may be gone once it is full (tlog-tiles, "Partial
    /// tiles"): then it is cut out of the full one.
    pub(crate) async fn tile(&self, tile: Tile) -> Result<Vec<u8>, Failure> {
        if let Some(bytes) = self.read(&tile.to_string(), tile.bytes_max()).await? {
            return Ok(bytes);
        }
        let full = tile.full();
        let wider = if full == tile { None } else { self.read(&full.to_string(), full.bytes_max()).await? };
        let cut = wider.and_then(|bytes| tile.cut(&bytes));
        cut.ok_or_else(|| Failure::failed(format!("the log does not hold {tile}")))
    }

    /// A file of the log; none if there is none.
    async fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        let bytes = match self {
            Self::Folder(folder) => {
                let path = folder.join(path);
                match read_file(&path, bytes_max) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(Failure::failed(format!("{}: {error}", path.display()))),
                }
            }
            Self::Address(prefix) => {
                let answer = client::fetch(&format!("{prefix}/{path}")).await?;
                if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                    return Ok(None);
                }
                answer.accepted()?.body.to_vec()
            }
        };
        if bytes.len() > bytes_max {
            return Err(Failure::failed(format!("{path} of the log has more than {bytes_max} bytes")));
        }
        Ok(Some(bytes))
    }
}

/// Reads at most one byte more than the bound.
fn read_file(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
