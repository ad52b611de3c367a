//! `wardmote monitor`: follows a log and alarms when it contradicts itself or a lapse is missing.
//!
//! State lies on disk after each step and before anything is said of it. Exit 0 when told to stop, or
//! when one look found nothing; 1 on a fork or a rollback, and after one look with any alarm.

use super::verify;
use crate::ambient::SystemClock;
use crate::command_line::Monitor;
use crate::exit::{Exit, Failure};
use crate::log_source::LogSource;
use crate::output::{self, plain};
use crate::up::{folder, start_log};
use ledger::tlog_policy::TlogPolicy;
use serde_json::json;
use snapshot::{Watch, WatchAlarm};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use vocabulary::Clock as _;

/// A state with as many leases as are watched takes half of it.
const STATE_BYTES_MAX: u64 = 32 << 20;

/// One log, and what is remembered of it.
struct Follower {
    place: String,
    policy: TlogPolicy,
    state: PathBuf,
    watch: Watch,
    json: bool,
}

pub(crate) fn run(arguments: &Monitor, json: bool) -> Result<Exit, Failure> {
    start_log();
    let policy = verify::tlog_policy(&arguments.policy)?;
    let _held = folder::hold(&arguments.data_dir)?;
    let state = arguments.data_dir.join("watch.json");
    let watch = read(&state)?;
    let mut follower = Follower { place: arguments.log.clone(), policy, state, watch, json };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        if arguments.once {
            return follower
                .look()
                .await
                .map(|alarms| if alarms.is_empty() { Exit::Done } else { Exit::Failed });
        }
        follower.watch_on(Duration::from_secs(arguments.every)).await
    })
}

impl Follower {
    /// Looks again and again until told to stop, or until there is nothing left to follow.
    async fn watch_on(&mut self, every: Duration) -> Result<Exit, Failure> {
        let mut term = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        loop {
            match self.look().await {
                Ok(alarms) if alarms.iter().any(WatchAlarm::is_final) => return Ok(Exit::Failed),
                Ok(_) => {}
                // The next look may find the log again; what it hides meanwhile it has to show then.
                Err(failure) => eprintln!("wardmote: {failure}"),
            }
            tokio::select! {
                _ = term.recv() => return Ok(Exit::Done),
                _ = int.recv() => return Ok(Exit::Done),
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    /// One look: the checkpoint, every new entry, the leases. What was learned is kept, then told.
    async fn look(&mut self) -> Result<Vec<WatchAlarm>, Failure> {
        let before = self.watch.size();
        let mut alarms = match self.advance().await? {
            Ok(alarms) => alarms,
            Err(alarm) => vec![alarm],
        };
        alarms.extend(self.watch.overdue(SystemClock.now()));
        keep(&self.state, &self.watch)?;
        self.tell(before, &alarms);
        Ok(alarms)
    }

    async fn advance(&mut self) -> Result<Result<Vec<WatchAlarm>, WatchAlarm>, Failure> {
        let source = LogSource::find(&self.place).await?;
        let note = source.checkpoint().await?;
        let head = match self.watch.judge(&note, &self.policy) {
            Ok(head) => head,
            Err(alarm) => return Ok(Err(alarm)),
        };
        let mut ahead = self.watch.clone();
        let mut alarms = Vec::new();
        while let Some(tile) = ahead.wanted(head.size) {
            let had = ahead.size();
            alarms.extend(ahead.bundle(&source.tile(tile).await?));
            if ahead.size() == had {
                break;
            }
        }
        Ok(ahead.arrive(&mut self.watch, &note, &head).map(|arrived| {
            self.watch = arrived;
            alarms
        }))
    }

    fn tell(&self, before: u64, alarms: &[WatchAlarm]) {
        let size = self.watch.size();
        if self.json {
            let alarms = alarms.iter().map(|alarm| json!({"name": alarm.name(), "text": alarm.to_string()}));
            output::json(&json!({"log": self.place, "size": size, "alarms": alarms.collect::<Vec<_>>()}));
            return;
        }
        for alarm in alarms {
            println!(" !!  {}  {}", alarm.name(), plain(&alarm.to_string()));
        }
        if alarms.iter().any(WatchAlarm::is_final) {
            println!("     both checkpoints are kept in {}", self.state.display());
        } else if alarms.is_empty() || size > before {
            println!(" ok  {size} entries, {} of them new", size - before);
        }
    }
}

fn read(path: &Path) -> Result<Watch, Failure> {
    let problem = |error: &dyn std::fmt::Display| {
        // Starting anew would forget what the log must not contradict.
        Failure::failed(format!("{}: {error}; move it away only if you mean to forget", path.display()))
    };
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(STATE_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| problem(&error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Watch::default()),
        Err(error) => return Err(problem(&error)),
    };
    Watch::parse(&bytes).map_err(|error| problem(&error))
}

/// Whole or not at all, and on disk.
fn keep(path: &Path, watch: &Watch) -> Result<(), Failure> {
    let bytes = watch.to_bytes().map_err(Failure::failed)?;
    let written = || -> io::Result<()> {
        let draft = path.with_extension("json.new");
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    written().map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}
