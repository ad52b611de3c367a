//! `wardmote monitor` before logs that are honest, and logs that are not, over HTTP.

use crate::harness::{Finished, Process, binary, eventually, free_port, run};
use ledger::commitment::Sealed;
use ledger::tiles::files;
use ledger::{DecisionLapsed, Kind, SealOpened};
use serde_json::json;
use snapshot::fixture::Mote;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use vocabulary::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_secs(20);

/// A static file server with a log in its folder, and a monitor's state.
struct Stage {
    folder: TempDir,
    port: u16,
    _server: Process,
}

fn now() -> Timestamp {
    crate::mote::now()
}

/// A log of an operator whose keys the seed gives, with so many entries that say `word`.
fn log(count: usize, word: &str) -> Mote {
    let mut mote = Mote::found(1, Timestamp::from_secs(1_700_000_000));
    for _ in 0..count {
        let entry = mote.entry(Kind::TenantRequest, "a.test", &json!({ "asked": word }), now());
        mote.log(entry);
    }
    mote
}

/// Writes a log into a folder: its tiles, and a checkpoint that was cosigned now.
pub(crate) fn write(mote: &mut Mote, folder: &Path) {
    let note = mote.checkpoint(now());
    let entries: Vec<_> = mote.entries().iter().map(|entry| entry.to_bytes().unwrap()).collect();
    let put = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for file in files(mote.tree(), &entries) {
        let (tile, bytes) = file.unwrap();
        put(tile.to_string(), &bytes);
    }
    put("checkpoint".to_owned(), note.to_string().as_bytes());
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        fs::create_dir(folder.path().join("www")).unwrap();
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory"]);
        let server = Process::start("files", command.arg(folder.path().join("www")), folder.path());
        let stage = Self { folder, port, _server: server };
        eventually("the files are served", SOON, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a log in place of the one before.
    fn show(&self, mote: &mut Mote) {
        write(mote, &self.path("www"));
        fs::write(self.path("tlog-policy"), mote.tlog_policy().to_string()).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = binary();
        command.args(["monitor", &format!("http://127.0.0.1:{}", self.port)]);
        command.arg("--policy").arg(self.path("tlog-policy")).arg("--data-dir").arg(self.path("state"));
        command
    }

    fn once(&self) -> Finished {
        run(self.command().arg("--once"))
    }
}

#[test]
fn an_honest_log_is_followed_and_a_second_face_ends_it_for_good() {
    let stage = Stage::new();
    let mut honest = log(300, "one face");
    stage.show(&mut honest);
    assert!(stage.once().ok().stdout.contains("302 entries, 302 of them new"));
    assert!(stage.once().ok().stdout.contains("302 entries, 0 of them new"));
    let entry = honest.entry(Kind::TenantRequest, "b.test", &json!({}), now());
    honest.log(entry);
    stage.show(&mut honest);
    assert!(stage.once().ok().stdout.contains("303 entries, 1 of them new"));

    stage.show(&mut log(400, "another face"));
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  fork"), "{}{}", told.stdout, told.stderr);
    let evidence = fs::read_to_string(stage.path("state/watch.json")).unwrap();
    assert!(
        evidence.contains("wardmote.test/log\\n303\\n") && evidence.contains("wardmote.test/log\\n402\\n")
    );
    stage.show(&mut honest);
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  contradicted"), "{}", told.stdout);
}

#[test]
fn a_monitor_that_runs_tells_of_a_rollback_and_ends() {
    let stage = Stage::new();
    stage.show(&mut log(5, "x"));
    let mut monitor = Process::start("monitor", stage.command().args(["--every", "1"]), stage.folder.path());
    eventually("it has seen the log", SOON, || monitor.output().contains("7 entries").then_some(()));
    stage.show(&mut log(2, "x"));
    let ended = eventually("it ends", SOON, || monitor.ended());
    assert_eq!(ended.code(), Some(1));
    assert!(monitor.output().contains(" !!  rollback"), "{}", monitor.output());
}

#[test]
fn a_missed_lapse_is_told_by_exit_code_and_line_and_a_lost_state_is_no_fresh_start() {
    let stage = Stage::new();
    let mut mote = log(0, "");
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(&[site], now().minus(4 * HOUR), 2 * HOUR);
    mote.decide(&draft, now().minus(4 * HOUR));
    stage.show(&mut mote);
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  missed-lapse"), "{}", told.stdout);
    stage.once().ok();
    let (decision, expires) = (draft.terms.decision, draft.terms.expires);
    let lapsed = DecisionLapsed { decision, expires };
    let entry = mote.entry(Kind::DecisionLapsed, &decision.to_string(), &lapsed, now());
    mote.log(entry);
    stage.show(&mut mote);
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  late-lapse"), "{}", told.stdout);

    fs::write(stage.path("state/watch.json"), "{}").unwrap();
    let told = stage.once();
    assert!(told.code == Some(1) && told.stderr.contains("mean to forget"), "{}", told.stderr);
}

#[test]
fn a_missed_unsealing_is_told_and_what_is_opened_falsely_too() {
    let stage = Stage::new();
    let mut mote = log(0, "");
    let sealed = Sealed::new(mote.random(), [("country".to_owned(), json!("somewhere"))]).unwrap();
    let until = json!({"sealed_until": now().minus(2 * HOUR)});
    let mut entry = mote.entry(Kind::OrderReceived, "order-1", &until, now().minus(24 * HOUR));
    entry.body.commitments = Some(sealed.root().unwrap());
    let leaf = entry.leaf_hash().unwrap();
    mote.log(entry);
    stage.show(&mut mote);
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  missed-unsealing"), "{}", told.stdout);
    stage.once().ok();
    let opened = SealOpened { entry: leaf, disclosure: sealed.disclose(&[]).unwrap() };
    let entry = mote.entry(Kind::SealOpened, "order-1", &opened, now());
    mote.log(entry);
    stage.show(&mut mote);
    let told = stage.once();
    assert!(told.code == Some(1) && told.stdout.contains(" !!  seal-broken"), "{}", told.stdout);
}
