//! A process that writes sites, decisions and the log is killed at random moments, again and again, on the
//! same database; each time everything must be whole and agree, and nothing acknowledged may be missing.

use casework::{Decision, DecisionState, Logged};
use records::bounds::EVIDENCE_LIST_MAX;
use records::contract::fixtures::{account, at, case, case_id, checkpoint, decision, note, site};
use records::{
    Cases, Change, Decisions, Evidence, EvidenceVault, Fleet, Log, NewLeaf, Page, PutError, Sites, Upkeep,
};
use records_sql::SqliteRecords;
use snapshot::Site;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use vocabulary::{DecisionId, Digest, EvidenceId, Hasher, SeededRandom};

/// Where the child finds its database.
const CHILD_DATABASE: &str = "WARDMOTE_TEST_RECORDS";
const SITES: u64 = 5;
const LEAVES_PER_ROUND: u64 = 3;

/// What the writer said it had done, as round numbers.
#[derive(Debug, Default, Clone, Copy)]
struct Acknowledged {
    applied: u64,
    logged: u64,
    settled: u64,
    published: u64,
    sealed: u64,
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_everything_whole_and_in_agreement() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("records.sqlite");
    let seed = 20;
    let random = SeededRandom::new(seed);
    let rounds = if std::env::var_os("WARDMOTE_LONG").is_some() { 200 } else { 10 };
    let mut known = Acknowledged::default();
    for round in 0..rounds {
        let mut child = writer(&database);
        let lines_before_kill = random.below(60);
        known = listen(&mut child, known, lines_before_kill).await;
        tokio::time::sleep(Duration::from_micros(random.below(4_000))).await;
        child.start_kill().unwrap();
        // What it still said before it died counts as well.
        known = listen(&mut child, known, u64::MAX).await;
        child.wait().await.unwrap();
        let records = SqliteRecords::open(&database)
            .await
            .unwrap_or_else(|error| panic!("seed {seed}, kill {round}: {error}"));
        records.ready().await.unwrap();
        verify(&records, known, &format!("seed {seed}, kill {round}, {known:?}")).await;
        records.close().await;
    }
    assert!(known.published > 10, "the writer wrote: {known:?}");
}

fn writer(database: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_writes", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD_DATABASE, database)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Takes in what the writer says, for so many lines or until it ends.
async fn listen(child: &mut Child, mut known: Acknowledged, lines: u64) -> Acknowledged {
    // Without a buffer, nothing is lost between two calls.
    let stdout = child.stdout.as_mut().unwrap();
    let mut reader = BufReader::with_capacity(1, stdout).lines();
    let mut heard = 0;
    while heard < lines {
        let Some(line) = reader.next_line().await.unwrap() else { break };
        let Some((what, round)) = line.strip_prefix("done ").and_then(|done| done.split_once(' ')) else {
            continue;
        };
        let round = round.parse().unwrap();
        match what {
            "applied" => known.applied = round,
            "logged" => known.logged = round,
            "settled" => known.settled = round,
            "published" => known.published = round,
            "sealed" => known.sealed = round,
            other => panic!("{other}"),
        }
        heard += 1;
    }
    known
}

#[tokio::test]
#[ignore = "runs as a child of another test"]
async fn child_that_writes() {
    let Some(database) = std::env::var_os(CHILD_DATABASE) else { return };
    let records = SqliteRecords::open(&PathBuf::from(database)).await.unwrap();
    let epoch = records.take_epoch().await.unwrap();
    // Every step of a round is safe to repeat, so a round that was cut short is simply run again.
    for round in records.revision().await.unwrap().max(1).. {
        let change = [Change::PutAccount(account(1)), Change::PutSite(site_after(round))];
        assert_eq!(records.apply(&change, None, &note(1, "a writer")).await.unwrap(), round);
        println!("\ndone applied {round}");
        put_once(records.put_decision(&proposed(round), 0).await);
        if records.last_of_subject(&decision_id(round).to_string()).await.unwrap().is_none() {
            let size = LEAVES_PER_ROUND * (round - 1);
            let hashes = records.leaf_hashes(0..size).await.unwrap();
            let leaves = leaves_of(round);
            let root = root(hashes.into_iter().chain(leaves.iter().map(NewLeaf::hash)));
            let note = checkpoint(size + LEAVES_PER_ROUND, &root, "log");
            records.append(epoch, size, &leaves, &note).await.unwrap();
        }
        println!("\ndone logged {round}");
        put_once(records.put_decision(&logged(round), 1).await);
        println!("\ndone settled {round}");
        let head = records.head().await.unwrap().unwrap();
        let cosigned = format!("{}\u{2014} witness c2ln\n", head.note);
        records.publish(epoch, head.size, &cosigned).await.unwrap();
        println!("\ndone published {round}");
        records.put_evidence(&file(round)).await.unwrap();
        put_once(records.put_case(&case(1, "something"), round - 1).await);
        println!("\ndone sealed {round}");
    }
}

/// A put that succeeded, or had succeeded before.
fn put_once(put: Result<u64, PutError>) {
    match put {
        Ok(_) => {}
        Err(PutError::Conflict { expected, found }) if found > expected => {}
        Err(error) => panic!("{error}"),
    }
}

async fn verify(records: &SqliteRecords, known: Acknowledged, context: &str) {
    let revision = records.revision().await.unwrap();
    assert!((known.applied..=known.applied + 1).contains(&revision), "{context}: revision {revision}");
    for earlier in [revision, revision / 2, 1] {
        let held = records.fleet_at(earlier).await.unwrap();
        assert!(earlier > revision || held == Some(fleet_after(earlier)), "{context}: fleet at {earlier}");
    }
    assert_eq!(records.fleet().await.unwrap(), fleet_after(revision), "{context}");
    let history = records.revisions(Page::first(200)).await.unwrap().items;
    let numbers: Vec<_> = history.iter().map(|line| line.revision).collect();
    assert_eq!(numbers, (1..=revision).rev().take(200).collect::<Vec<_>>(), "{context}");

    let rounds = verify_log(records, known, context).await;
    assert!(rounds <= revision, "{context}: {rounds} rounds are logged at revision {revision}");
    verify_decisions(records, known, rounds, revision, context).await;

    let files = records.evidence_of(case_id(1)).await.unwrap().len() as u64;
    let listed = EVIDENCE_LIST_MAX.into();
    let sealed = known.sealed.min(listed)..=(known.sealed + 1).min(listed);
    assert!(sealed.contains(&files), "{context}: {files} files");
    let case = records.case(case_id(1)).await.unwrap().map_or(0, |held| held.version);
    assert!((known.sealed..=known.sealed + 1).contains(&case), "{context}: case version {case}");
}

/// Checks the log from end to end; how many rounds are in it.
async fn verify_log(records: &SqliteRecords, known: Acknowledged, context: &str) -> u64 {
    let hashes = records.leaf_hashes(0..u64::MAX).await.unwrap();
    let size = hashes.len() as u64;
    assert_eq!(size % LEAVES_PER_ROUND, 0, "{context}: half an append");
    let rounds = size / LEAVES_PER_ROUND;
    assert!((known.logged..=known.logged + 1).contains(&rounds), "{context}: {rounds} rounds are logged");
    let expected: Vec<_> = (1..=rounds).flat_map(leaves_of).collect();
    assert_eq!(hashes, expected.iter().map(NewLeaf::hash).collect::<Vec<_>>(), "{context}");
    let tail = size.saturating_sub(30)..size;
    let read = records.leaves(tail.clone()).await.unwrap();
    assert_eq!(read.len() as u64, tail.end - tail.start, "{context}");
    for leaf in read {
        let put = &expected[leaf.index as usize];
        assert_eq!((&leaf.bytes, leaf.hash), (&put.bytes, put.hash()), "{context}: leaf {}", leaf.index);
    }
    let head = records.head().await.unwrap();
    let note = checkpoint(size, &root(hashes.iter().copied()), "log");
    assert_eq!(
        head.as_ref().map(|head| (head.size, &head.note)),
        (size > 0).then_some((size, &note)),
        "{context}"
    );
    let published = records.published().await.unwrap().map_or(0, |head| head.size);
    let settled = known.published * LEAVES_PER_ROUND..=(known.published + 1) * LEAVES_PER_ROUND;
    assert!(
        settled.contains(&published) && published <= size,
        "{context}: {published} of {size} are published"
    );
    rounds
}

async fn verify_decisions(
    records: &SqliteRecords,
    known: Acknowledged,
    rounds_logged: u64,
    revision: u64,
    context: &str,
) {
    for round in revision.saturating_sub(10).max(1)..=revision + 1 {
        let held = records.decision(decision_id(round)).await.unwrap();
        let subject = records.last_of_subject(&decision_id(round).to_string()).await.unwrap();
        assert_eq!(subject.is_some(), round <= rounds_logged, "{context}: round {round}");
        match held.map(|held| held.value) {
            None => {
                assert!(round > known.logged && subject.is_none(), "{context}: decision {round} is missing")
            }
            Some(held) if held == logged(round) => {
                let (index, hash) = subject.map(|last| (last.index, last.hash)).unwrap();
                assert!(
                    matches!(held.state, DecisionState::Logged { logged, .. } if (logged.index, logged.leaf) == (index, hash))
                );
            }
            Some(held) => {
                assert!(
                    held == proposed(round) && round > known.settled,
                    "{context}: decision {round} went back"
                );
            }
        }
    }
}

fn site_after(round: u64) -> Site {
    site((round % SITES) as u8, 1, &[&format!("site-{}.test", round % SITES), &format!("round-{round}.test")])
}

fn fleet_after(revision: u64) -> Fleet {
    let mut sites: Vec<_> = (revision.saturating_sub(SITES) + 1..=revision).map(site_after).collect();
    sites.sort_by_key(|site| site.id);
    let accounts = if revision > 0 { vec![account(1)] } else { vec![] };
    Fleet { revision, accounts, sites }
}

fn decision_id(round: u64) -> DecisionId {
    DecisionId::from_bytes(u128::from(round).to_be_bytes())
}

fn proposed(round: u64) -> Decision {
    Decision { id: decision_id(round), ..decision(1, 1, false) }
}

fn logged(round: u64) -> Decision {
    let leaf = leaves_of(round)[0].hash();
    let logged = Logged { index: LEAVES_PER_ROUND * (round - 1), leaf, at: at(1) };
    Decision { state: DecisionState::Logged { approvals: vec![], logged }, ..proposed(round) }
}

fn leaves_of(round: u64) -> Vec<NewLeaf> {
    let leaf = |subject: String, sequence: u64| NewLeaf {
        bytes: format!("round {round}, {subject} {sequence} {}", "x".repeat(400)).into_bytes(),
        subject,
        sequence,
    };
    vec![
        leaf(decision_id(round).to_string(), 1),
        leaf("daily".to_owned(), round * 2 - 1),
        leaf("daily".to_owned(), round * 2),
    ]
}

/// Stands in for a tree's root: any change of any hash changes it.
fn root(hashes: impl Iterator<Item = Digest>) -> String {
    hashes.fold(Hasher::domain("root"), |hasher, hash| hasher.part(hash.as_bytes())).finish().to_string()
}

fn file(round: u64) -> Evidence {
    let id = EvidenceId::from_bytes(u128::from(round).to_be_bytes());
    Evidence::new(id, case_id(1), "text/plain".to_owned(), vec![round as u8; 10_000], at(1))
}
