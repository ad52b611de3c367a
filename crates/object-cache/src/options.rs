//! What a cache is opened with, and why it may not open.

use std::path::PathBuf;

/// What a cache may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most bytes held in memory at once.
    pub memory_bytes: u64,
    /// A place on disk, for what must outlive memory and restarts.
    pub disk: Option<Disk>,
}

/// A place on disk.
#[derive(Debug, Clone)]
pub struct Disk {
    /// A folder of this cache alone; made if it is missing.
    pub folder: PathBuf,
    /// Most bytes taken there.
    pub bytes: u64,
}

/// Why a cache could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or a file in it cannot be used.
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process uses the folder.
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The disk has too little space left.
    NoSpace {
        /// Bytes the cache may take.
        bytes: u64,
        /// Why.
        source: std::io::Error,
    },
    /// Fewer bytes than a disk cache needs.
    TooSmall {
        /// What was given.
        bytes: u64,
        /// The least that works.
        least: u64,
    },
    /// The engine on the disk failed.
    Engine(Box<dyn std::error::Error + Send + Sync>),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder { path, .. } => write!(
                f,
                "the cache folder cannot be used: {}: give a folder that this process may write to",
                path.display()
            ),
            Self::InUse { path } => write!(
                f,
                "the cache folder is used by another process: {}: stop it, or give each its own",
                path.display()
            ),
            Self::NoSpace { bytes, .. } => {
                write!(f, "the disk has no space for a cache of {bytes} bytes: free some, or give fewer")
            }
            Self::TooSmall { bytes, least } => {
                write!(f, "{bytes} bytes are too few for a cache on disk: give at least {least}, or none")
            }
            Self::Engine(_) => f.write_str("the cache on disk cannot be opened"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } | Self::NoSpace { source, .. } => Some(source),
            Self::TooSmall { .. } | Self::InUse { .. } => None,
            Self::Engine(source) => Some(&**source),
        }
    }
}
