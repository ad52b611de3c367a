//! Witnesses as processes: a log that needs two of three, one of them dead; and a log with two faces.

use crate::harness::{Connection, Process, Reply, Setup, binary, eventually, free_port, run};
use ledger::checkpoint::Checkpoint;
use ledger::key::{SignerKey, VerifierKey};
use ledger::merkle::{Tree, leaf_hash};
use ledger::witness::{AddCheckpoint, read_answer};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vocabulary::SeededRandom;

const SOON: Duration = Duration::from_secs(20);

/// A witness that runs, with what it needs to run again.
pub(crate) struct Witness {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
    key: VerifierKey,
}

fn spawn(folder: &Path, address: SocketAddr, logs: &Path) -> Process {
    let mut command = binary();
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    command.args(["witness", "--name", &format!("{name}.test/w"), "--listen", &address.to_string()]);
    command.arg("--data-dir").arg(folder).arg("--logs").arg(logs);
    Process::start(&name, &mut command, folder.parent().unwrap())
}

impl Witness {
    fn start(folder: &Path, logs: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let process = spawn(folder, address, logs);
        let key = eventually("the witness says its key", SOON, || {
            let said = process.output();
            said.contains("listen")
                .then(|| said.lines().find_map(|line| line.strip_prefix("key     ").map(str::to_owned)))?
        });
        Self { process, folder: folder.to_owned(), address, key: key.parse().unwrap() }
    }

    fn restart(&mut self, logs: &Path) {
        self.process.kill();
        self.process = spawn(&self.folder, self.address, logs);
        eventually("the witness listens again", SOON, || Connection::try_to(self.address).ok());
    }

    fn post(&self, body: &str) -> Reply {
        let host = self.address.to_string();
        let fields = [("Content-Type", "text/plain")];
        Connection::to(self.address).ask("POST", &host, "/add-checkpoint", &fields, Some(body.as_bytes()))
    }
}

/// Starts three witnesses and a deployment that needs two of them; the third is dead from the start.
pub(crate) fn three(setup: &Setup) -> Vec<Witness> {
    let logs = setup.data().join("edge/roots/tlog-policy");
    let start = |place| Witness::start(&setup.path().join(format!("w{place}")), &logs);
    let mut witnesses: Vec<Witness> = (1..=3).map(start).collect();
    let mut policy = String::new();
    for (place, witness) in witnesses.iter().enumerate() {
        policy += &format!("witness w{place} {} http://{}\n", witness.key, witness.address);
    }
    policy += "group remote 2 w0 w1 w2\nquorum remote\n";
    let file = setup.path().join("witnesses");
    fs::write(&file, policy).unwrap();
    let config = fs::read_to_string(setup.config()).unwrap();
    fs::write(setup.config(), format!("{config}witnesses = {file:?}\n")).unwrap();
    witnesses[2].process.kill();
    witnesses
}

fn published(setup: &Setup) -> String {
    crate::harness::get(setup.public, &setup.public.to_string(), "/record/log/checkpoint").status(200).text()
}

#[test]
fn two_of_three_witnesses_carry_the_log_while_one_is_dead_and_none_without_them() {
    let setup = Setup::new();
    let mut witnesses = three(&setup);
    let logs = setup.data().join("edge/roots/tlog-policy");
    let wardmote = setup.up(&[]);
    let checkpoint = published(&wardmote.setup);
    // The log, its own witness, and the two that live.
    assert_eq!(checkpoint.matches("— ").count(), 4, "{checkpoint}");
    eventually("the dead witness is told of", SOON, || {
        let status = wardmote.api("GET", "/api/v1/status", None).status(200).text();
        status.contains("witnesses that did not cosign: w3.test/w").then_some(())
    });

    let roots = wardmote.setup.data().join("edge/roots");
    let mut verify = binary();
    verify.args(["log", "verify", &format!("http://{}", wardmote.setup.public)]);
    verify.arg("--policy").arg(&logs).arg("--roster").arg(roots.join("roster.json"));
    let held = run(&mut verify).ok();
    assert!(held.stdout.contains("the quorum cosigned (3 cosignatures)"), "{}", held.stdout);

    // Killed and started again, a witness goes on where it was; below two the log does not start.
    let setup = wardmote.kill();
    witnesses[0].restart(&logs);
    let wardmote = setup.up(&[]);
    let setup = wardmote.stop();
    witnesses[1].process.kill();
    let mut alone = setup.spawn(&[]);
    let ended = eventually("it ends", SOON, || alone.ended());
    assert_eq!(ended.code(), Some(1));
    assert!(alone.output().contains("too few witnesses cosigned"), "{}", alone.output());
}

#[test]
fn a_log_rolled_back_behind_its_witnesses_does_not_start() {
    let setup = Setup::new();
    let _witnesses = three(&setup);
    let setup = setup.up(&[]).stop();
    let copy = setup.path().join("earlier");
    run(Command::new("cp").arg("-r").arg(setup.data()).arg(&copy)).ok();

    let wardmote = setup.up(&[]);
    let size = || published(&wardmote.setup).lines().nth(1).unwrap().parse::<u64>().unwrap();
    let before = size();
    let sites = wardmote.setup.sites("");
    let asked = ["apply", "-f", sites.to_str().unwrap(), "--prune", "--customer-request", "take it down"];
    wardmote.setup.command(&asked).ok();
    eventually("the customer's request is logged", SOON, || (size() > before).then_some(()));
    let setup = wardmote.stop();

    // Everything of the deployment as it was, its own witness' state too: only the others remember.
    fs::remove_dir_all(setup.data()).unwrap();
    fs::rename(&copy, setup.data()).unwrap();
    let mut rolled_back = setup.spawn(&[]);
    let ended = eventually("it ends", SOON, || rolled_back.ended());
    assert_eq!(ended.code(), Some(1));
    let said = rolled_back.output();
    assert!(said.contains("contradicts the log here: it last cosigned"), "{said}");
}

/// A log of our own making, with a second face.
struct Rogue {
    key: SignerKey,
}

impl Rogue {
    fn request(&self, tree: &Tree, old: u64, new: u64) -> AddCheckpoint {
        let checkpoint = Checkpoint::new("rogue.test/log", new, tree.root_at(new).unwrap());
        AddCheckpoint {
            old_size: old,
            proof: tree.consistency(old, new).unwrap_or_default(),
            checkpoint: checkpoint.sign(&self.key).unwrap(),
        }
    }
}

#[test]
fn a_log_that_shows_a_second_face_is_refused_with_its_reason_after_a_kill_too() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let rogue = Rogue { key: SignerKey::for_log(&SeededRandom::new(1), "rogue.test/log").unwrap() };
    fs::write(&logs, format!("log {}\nquorum none\n", rogue.key.verifier())).unwrap();
    let mut witness = Witness::start(&folder.path().join("w"), &logs);
    let face: Tree = (0..9u8).map(|n| leaf_hash(&[n])).collect();
    let other: Tree = (0..9u8).map(|n| leaf_hash(&[n, n])).collect();
    let first = rogue.request(&face, 0, 5);
    let answer = witness.post(&first.to_string()).status(200).text();
    read_answer(200, &answer, &first, &witness.key).unwrap();
    witness.restart(&logs);
    for (request, status, reason) in [
        (rogue.request(&other, 5, 5), 409, "other-root"),
        (rogue.request(&other, 5, 9), 422, "inconsistent"),
        (rogue.request(&other, 3, 9), 409, "other-size"),
    ] {
        let refused = witness.post(&request.to_string()).status(status);
        assert_eq!(refused.field("wardmote-reason").as_deref(), Some(reason));
        if status == 409 {
            assert_eq!(refused.field("content-type").as_deref(), Some("text/x.tlog.size"));
            assert_eq!(refused.text(), "5\n");
        }
    }
    assert!(witness.process.output().contains("other-root"), "{}", witness.process.output());
    let stranger = Rogue { key: SignerKey::for_log(&SeededRandom::new(2), "rogue.test/log").unwrap() };
    witness.post(&stranger.request(&face, 5, 9).to_string()).status(403);
    let unknown = SignerKey::for_log(&SeededRandom::new(2), "unknown.test/log").unwrap();
    let note = Checkpoint::new("unknown.test/log", 5, face.root_at(5).unwrap()).sign(&unknown).unwrap();
    let request = AddCheckpoint { checkpoint: note, ..rogue.request(&face, 0, 5) };
    witness.post(&request.to_string()).status(404);
    witness.post("old 5\n").status(400);
    witness.post(&rogue.request(&face, 5, 9).to_string()).status(200);
}
