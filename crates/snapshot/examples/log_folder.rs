//! Writes a log of a trial operator into a folder, to measure and to check other implementations by:
//! `cargo run -p snapshot --features testing --example log_folder -- DIR ENTRIES`.

#![allow(clippy::print_stdout, reason = "an example speaks on its terminal")]

use std::io;
use std::path::Path;
use vocabulary::Timestamp;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, entries] = arguments.as_slice() else {
        return Err(io::Error::other("usage: log_folder DIR ENTRIES"));
    };
    let entries = entries.parse().map_err(io::Error::other)?;
    let cosigned =
        snapshot::fixture::write_log(Path::new(folder), entries, Timestamp::from_secs(1_700_000_000))?;
    println!("{entries} entries in {folder}, cosigned {cosigned}");
    Ok(())
}
