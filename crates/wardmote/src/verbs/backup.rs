//! `wardmote backup` and `restore`: everything kept, in one file.
//!
//! The running process copies the witness' state and then its records, so that the records never lag
//! behind what the witness signed; every other file of the data folder is taken as it lies there.

use super::{block_on, configuration, control_plane};
use crate::ambient::SystemClock;
use crate::archive::{self, ArchiveError, Writer};
use crate::command_line::{Backup, Restore};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::up::{RECORDS_FILE, folder};
use bytes::Bytes;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use vocabulary::Clock as _;

/// The witness' state below the data folder.
const WITNESS_STATE: &str = "witness/state.json";
/// Names in the data folder that are made anew by any start, or that the copies of this backup stand for.
const LEFT_OUT: [&str; 4] = ["running.json", "access.log", "backups", RECORDS_FILE];
/// The edge's replica: a restored edge fetches it anew.
const REPLICA: &str = "edge/replica";

pub(crate) fn backup(arguments: &Backup, json: bool) -> Result<Exit, Failure> {
    let local = &arguments.local;
    let config = configuration(local.config.as_deref(), local.data_dir.as_deref())?;
    let mut writer = Writer::create(&arguments.file).map_err(Failure::bad_use)?;
    let client = control_plane(local)?;
    let copied = block_on(async {
        client.post("/api/v1/backup", "application/json", Bytes::new()).await?.accepted()?.json()
    })?;
    let copies = Copies::of(&copied)?;
    let written = write(&mut writer, &config.data_dir, &copies);
    copies.remove();
    written.map_err(Failure::failed)?;
    let bytes = writer.finish(SystemClock.now()).map_err(Failure::failed)?;
    if json {
        output::json(&json!({ "file": arguments.file, "bytes": bytes }));
    } else {
        println!(
            "{}: {bytes} bytes. It holds secret keys: keep it as safe as the machine itself",
            arguments.file.display()
        );
    }
    Ok(Exit::Done)
}

/// The copies that the running process made.
struct Copies {
    records: PathBuf,
    witness: Option<PathBuf>,
}

impl Copies {
    fn of(answer: &Value) -> Result<Self, Failure> {
        let path = |name: &str| answer.get(name).and_then(Value::as_str).map(PathBuf::from);
        let records =
            path("path").ok_or_else(|| Failure::failed("the server did not say where its copy is"))?;
        Ok(Self { records, witness: path("witness_state") })
    }

    fn remove(&self) {
        for path in [Some(&self.records), self.witness.as_ref()].into_iter().flatten() {
            // A copy that stays is in nobody's way but takes room.
            if let Err(error) = fs::remove_file(path) {
                eprintln!(
                    "wardmote: {} is no longer needed and could not be removed: {error}",
                    path.display()
                );
            }
        }
    }
}

fn write(writer: &mut Writer, data_dir: &Path, copies: &Copies) -> Result<(), ArchiveError> {
    for name in kept(data_dir).map_err(|source| ArchiveError::File { path: data_dir.to_owned(), source })? {
        writer.add(&name, &data_dir.join(&name))?;
    }
    if let Some(witness) = &copies.witness {
        writer.add(WITNESS_STATE, witness)?;
    }
    writer.add(RECORDS_FILE, &copies.records)
}

/// Every file of the data folder that is kept, by its name below it.
fn kept(data_dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(data_dir.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            let Some(text) = name.to_str().filter(|text| is_kept(text)) else { continue };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                names.push(text.to_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

fn is_kept(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    let made_anew =
        LEFT_OUT.iter().any(|left_out| first == *left_out || first.starts_with(&format!("{left_out}-")));
    !(made_anew || name.ends_with(".lock") || name == REPLICA || name == WITNESS_STATE)
}

pub(crate) fn restore(arguments: &Restore, json: bool) -> Result<Exit, Failure> {
    let local = &arguments.local;
    let data_dir = configuration(local.config.as_deref(), local.data_dir.as_deref())?.data_dir;
    let occupied = || {
        Failure::failed(format!(
            "{} is not empty; stop Wardmote and move it away first, a restore never overwrites",
            data_dir.display()
        ))
    };
    if !folder::is_empty(&data_dir).map_err(Failure::failed)? {
        return Err(occupied());
    }
    let staging = staging(&data_dir);
    let made = unpack(&arguments.file, &staging);
    if made.is_err() {
        // Only what this restore itself put there.
        let _ = fs::remove_dir_all(&staging);
    }
    let made = made?;
    if data_dir.exists() {
        fs::remove_dir_all(&data_dir).map_err(Failure::failed)?;
    }
    fs::rename(&staging, &data_dir).map_err(Failure::failed)?;
    if json {
        output::json(&json!({ "data_dir": data_dir, "made": made }));
    } else {
        println!("{} is as it was at {made}; start it with `wardmote up`", data_dir.display());
    }
    Ok(Exit::Done)
}

/// Beside the data folder, so that putting it in its place is one rename.
fn staging(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or_default().to_owned();
    name.push(format!(".restore-{}", std::process::id()));
    data_dir.with_file_name(name)
}

/// Unpacks and checks files and records; whole, or an error.
fn unpack(file: &Path, staging: &Path) -> Result<vocabulary::Timestamp, Failure> {
    let made = archive::unpack(file, staging).map_err(Failure::failed)?;
    let packed = staging.join(format!("{RECORDS_FILE}.packed"));
    let records = staging.join(RECORDS_FILE);
    fs::rename(&records, &packed)
        .map_err(|error| Failure::failed(format!("the backup holds no records: {error}")))?;
    block_on(async { records_sql::restore(&packed, &records).await.map_err(Failure::failed) })?;
    fs::remove_file(&packed).map_err(Failure::failed)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_roots_are_kept_and_what_a_start_makes_anew_is_not() {
        for name in
            ["admin.token", "log/log.key", "officers/legal-1.key", "edge/roots/tlog-policy", "ca/key.pem"]
        {
            assert!(is_kept(name), "{name}");
        }
        for name in [
            "running.json",
            "access.log",
            "records.sqlite",
            "records.sqlite-wal",
            "up.lock",
            "control.lock",
            "edge/replica",
            "backups",
            "witness/state.json",
        ] {
            assert!(!is_kept(name), "{name}");
        }
    }
}
