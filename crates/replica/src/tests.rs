use super::*;
use crate::store::Store;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use vocabulary::SeededRandom;

/// Where a test that runs as a child finds its replica.
const CHILD_DIR: &str = "WARDMOTE_TEST_REPLICA";

fn parcel(revision: u64) -> Parcel {
    // Large enough for pages of its own.
    let bundle: Arc<[u8]> = vec![revision as u8; 20_000].into();
    Parcel { revision, bundles: vec![bundle], ..Parcel::default() }
}

fn trust(size: u64) -> Trust {
    let root = vocabulary::Digest::of(&size.to_be_bytes());
    let text = format!(
        r#"{{"decisions":{{}},"format":"wardmote-trust/1","logs":{{"log.test":{{"contradiction":null,"landmarks":{{}},"note":"","root":"{root}","size":{size}}}}}}}"#
    );
    Trust::parse(text.as_bytes()).expect("a trust state")
}

fn whole(replica: &Replica) -> (Option<u64>, Option<u64>) {
    let kept = replica.load().unwrap();
    assert_eq!(kept.damage, []);
    if let Some((found, generation)) = &kept.parcel {
        assert_eq!((found, *generation), (&parcel(found.revision), Generation::Current));
    }
    (kept.parcel.map(|(parcel, _)| parcel.revision), kept.trust.and_then(|trust| trust.size_of("log.test")))
}

/// Writes something else over a slot, behind the seal.
fn break_slot(replica: &Replica, pair: Pair, newest: bool) {
    replica.store.break_slot(pair, newest);
}

#[test]
fn an_empty_replica_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(&dir.path().join("a/replica")).unwrap();
    assert_eq!(whole(&replica), (None, None));
}

#[test]
fn what_was_kept_comes_back_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for revision in 1..=5 {
        let replica = Replica::open(dir.path()).unwrap();
        replica.keep(&parcel(revision), &trust(revision * 10)).unwrap();
        assert_eq!(whole(&replica), (Some(revision), Some(revision * 10)));
    }
    let replica = Replica::open(dir.path()).unwrap();
    assert_eq!(whole(&replica), (Some(5), Some(50)));
    replica.keep_trust(&trust(60)).unwrap();
    assert_eq!(whole(&replica), (Some(5), Some(60)));
}

#[test]
fn a_damaged_generation_gives_way_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    replica.keep(&parcel(2), &trust(2)).unwrap();
    break_slot(&replica, Pair::Parcel, true);
    let kept = replica.load().unwrap();
    assert_eq!(kept.parcel, Some((parcel(1), Generation::Previous)));
    assert_eq!(kept.trust, Some(trust(2)));
    assert_eq!(kept.damage.len(), 1);
    assert!(kept.damage[0].to_string().contains("parcel"), "{}", kept.damage[0]);

    replica.keep(&parcel(3), &trust(3)).unwrap();
    assert_eq!(whole(&replica), (Some(3), Some(3)), "the damaged one was replaced, not the whole one");
    break_slot(&replica, Pair::Parcel, true);
    assert_eq!(replica.load().unwrap().parcel, Some((parcel(1), Generation::Previous)));
}

#[test]
fn with_both_parcels_damaged_there_is_nothing_but_the_word_of_it_and_with_both_trust_states_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    replica.keep(&parcel(2), &trust(2)).unwrap();
    for _ in 0..2 {
        break_slot(&replica, Pair::Parcel, true);
    }
    let kept = replica.load().unwrap();
    assert_eq!((kept.parcel, kept.trust, kept.damage.len()), (None, Some(trust(2)), 2));
    for _ in 0..2 {
        break_slot(&replica, Pair::Trust, true);
    }
    let error = replica.load().unwrap_err();
    assert!(matches!(error, LoadError::TrustLost { .. }), "{error}");
    assert!(error.to_string().contains("does not start"), "{error}");
    replica.keep(&parcel(3), &trust(3)).unwrap();
    assert_eq!(whole(&replica), (Some(3), Some(3)), "nothing of the damage is left");
    replica.keep(&parcel(4), &trust(4)).unwrap();
    assert_eq!(whole(&replica), (Some(4), Some(4)));
}

#[test]
fn damage_to_the_previous_generation_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    replica.keep(&parcel(2), &trust(2)).unwrap();
    break_slot(&replica, Pair::Parcel, false);
    let kept = replica.load().unwrap();
    assert_eq!((kept.parcel, kept.damage.len()), (Some((parcel(2), Generation::Current)), 1));
}

#[test]
fn a_damaged_trust_state_gives_way_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    replica.keep_trust(&trust(2)).unwrap();
    break_slot(&replica, Pair::Trust, true);
    let kept = replica.load().unwrap();
    assert_eq!((kept.trust, kept.damage.len()), (Some(trust(1)), 1));
}

#[test]
fn keeping_the_same_revision_again_spares_the_previous_generation() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    for _ in 0..3 {
        replica.keep(&parcel(2), &trust(2)).unwrap();
    }
    break_slot(&replica, Pair::Parcel, true);
    assert_eq!(replica.load().unwrap().parcel, Some((parcel(1), Generation::Previous)));
}

#[test]
fn what_is_over_a_bound_is_refused_and_the_old_stays() {
    let refused = encode(&vec![0u8; 100], "parcel", 50);
    assert!(matches!(refused, Err(KeepError::TooLarge { size: 201, limit: 50, .. })), "{refused:?}");

    let dir = tempfile::tempdir().unwrap();
    let replica = Replica { store: Store::open(dir.path(), 256 * 1024).unwrap() };
    replica.keep(&parcel(1), &trust(1)).unwrap();
    let large: Arc<[u8]> = vec![7; 200_000].into();
    let refused = replica.keep(&Parcel { revision: 2, bundles: vec![large], ..Parcel::default() }, &trust(2));
    assert!(matches!(refused, Err(KeepError::Full { .. })), "{refused:?}");
    assert_eq!(whole(&replica), (Some(1), Some(1)));
    for revision in 2..50 {
        replica.keep(&parcel(revision), &trust(revision)).unwrap();
    }
    assert_eq!(whole(&replica), (Some(49), Some(49)), "room is used again and again");
}

#[test]
fn long_lists_of_free_pages_pass_the_check_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    for revision in 1..=12 {
        let replica = Replica::open(dir.path()).unwrap();
        // Large and small in turn frees thousands of pages at once.
        let size = if revision % 3 == 0 { 8_000_000 } else { 3_000 * revision as usize };
        let bundle: Arc<[u8]> = vec![revision as u8; size].into();
        let parcel = Parcel { revision, bundles: vec![bundle], ..Parcel::default() };
        replica.keep(&parcel, &trust(revision)).unwrap();
        assert_eq!(replica.load().unwrap().parcel, Some((parcel, Generation::Current)));
    }
}

#[test]
fn one_process_opens_a_directory_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = Replica::open(dir.path()).unwrap();
    assert!(matches!(Replica::open(dir.path()), Err(OpenError::AlreadyOpen(_))));
    drop(first);
    Replica::open(dir.path()).unwrap();
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(&dir.path().join("replica")).unwrap();
    replica.keep(&parcel(1), &trust(1)).unwrap();
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("replica"), mode("replica/data.mdb"), mode("replica/lock.mdb")), (0o700, 0o600, 0o600));
}

#[test]
fn a_file_of_something_else_is_refused_with_what_to_do_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = "no database, but some text".repeat(1000);
    fs::write(dir.path().join("data.mdb"), &text).unwrap();
    let error = Replica::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("start again"), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("data.mdb")).unwrap(), text);
    fs::rename(dir.path().join("data.mdb"), dir.path().join("moved-away")).unwrap();
    assert_eq!(whole(&Replica::open(dir.path()).unwrap()), (None, None));
}

#[test]
fn a_file_in_place_of_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("replica");
    fs::write(&file, "").unwrap();
    let error = Replica::open(&file).unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }) && error.to_string().contains("replica"), "{error}");
}

#[test]
fn a_file_cut_short_anywhere_never_kills_the_process() {
    let (dir, sound) = sound_file();
    let mut fates = Vec::new();
    for length in (0..sound.len()).step_by(sound.len() / 25) {
        fs::write(dir.path().join("data.mdb"), &sound[..length]).unwrap();
        fates.push((length, probe(dir.path())));
    }
    assert!(fates.iter().all(|(_, fate)| fate.is_ok()), "{fates:?}");
}

#[test]
fn damage_anywhere_is_found_and_never_kills_the_process() {
    let (dir, sound) = sound_file();
    let seed = 11;
    let random = SeededRandom::new(seed);
    let mut places: Vec<usize> = (0..40).map(|_| random.below(sound.len() as u64) as usize).collect();
    // LMDB's own pages (meta, leaf, first of overflow) lead it wherever they say.
    let of_lmdb = (0..sound.len() / 4096).filter(|page| {
        let header = &sound[page * 4096..][..12];
        header[..8] == (*page as u64).to_le_bytes() && matches!(header[10], 2 | 4 | 8)
    });
    for page in of_lmdb {
        let used = (0..4096).filter(|at| *at < 160 || sound[page * 4096 + at] != 0);
        let mut used: Vec<usize> = used.map(|at| page * 4096 + at).collect();
        let wanted = if long() { used.len() } else { 25 };
        places.extend((0..wanted).map(|_| used.swap_remove(random.below(used.len() as u64) as usize)));
    }
    for place in places {
        let byte = [0x00, 0x01, 0x80, 0xff][random.below(4) as usize];
        let mut damaged = sound.clone();
        damaged[place] = byte;
        fs::write(dir.path().join("data.mdb"), &damaged).unwrap();
        let fate = probe(dir.path());
        assert!(fate.is_ok(), "seed {seed}: byte {place} set to {byte:#04x}: {fate:?}");
        assert!(fate.iter().all(|fate| !fate.starts_with("None, damage 0")), "byte {place}: {fate:?}");
    }
}

/// A replica's file with two generations, and its directory; nobody has it open.
fn sound_file() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let replica = Replica::open(dir.path()).unwrap();
    for revision in 1..=4 {
        replica.keep(&parcel(revision), &trust(revision)).unwrap();
    }
    drop(replica);
    let sound = fs::read(dir.path().join("data.mdb")).unwrap();
    (dir, sound)
}

/// Opens and reads a replica in a process of its own: what it said, or the signal that killed it.
fn probe(dir: &Path) -> Result<String, String> {
    let _ = fs::remove_file(dir.join("lock.mdb"));
    let output = child("tests::child_that_reads", dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = said.lines().find_map(|line| line.strip_prefix("fate: ")).map(str::to_owned);
    match (output.status.signal(), word) {
        (None, Some(word)) => Ok(word),
        (signal, _) => Err(format!("signal {signal:?}: {said} {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env(CHILD_DIR, dir);
    command
}

fn long() -> bool {
    std::env::var_os("WARDMOTE_LONG").is_some()
}

#[test]
#[ignore = "runs as a child of other tests"]
fn child_that_reads() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let fate = match Replica::open(Path::new(&dir)) {
        Err(error) => error.to_string(),
        Ok(replica) => match replica.load() {
            Err(error) => error.to_string(),
            Ok(kept) => {
                let known = |revision: u64| (1..=4).contains(&revision);
                assert!(
                    kept.parcel
                        .iter()
                        .all(|(found, _)| known(found.revision) && *found == parcel(found.revision))
                );
                assert!(kept.trust.iter().all(|found| (1..=4).any(|size| *found == trust(size))));
                let revision = kept.parcel.map(|(parcel, _)| parcel.revision);
                format!("{revision:?}, damage {}", kept.damage.len())
            }
        },
    };
    println!("\nfate: {fate}");
}

#[test]
#[ignore = "runs as a child of other tests"]
fn child_that_writes() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let replica = Replica::open(Path::new(&dir)).unwrap();
    let start = whole(&replica).0.unwrap_or(0);
    for revision in start + 1.. {
        replica.keep(&parcel(revision), &trust(revision)).unwrap();
        println!("\nkept {revision}");
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_generation_with_its_trust() {
    let dir = tempfile::tempdir().unwrap();
    let seed = 3;
    let random = SeededRandom::new(seed);
    let mut last = 0;
    for round in 0..if long() { 200 } else { 10 } {
        let mut writer =
            child("tests::child_that_writes", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let stop_after = random.below(40);
        let mut acknowledged = 0;
        for line in lines.map_while(Result::ok) {
            let Some(revision) = line.strip_prefix("kept ") else { continue };
            last = revision.parse().unwrap();
            acknowledged += 1;
            if acknowledged > stop_after {
                break;
            }
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let replica = Replica::open(dir.path()).unwrap();
        let (revision, size) = whole(&replica);
        let revision = revision.unwrap_or(0);
        assert!(revision >= last, "seed {seed}, round {round}: {last} was acknowledged, {revision} is there");
        assert_eq!(size, Some(revision), "seed {seed}, round {round}: parcel and trust are of one write");
        last = revision;
    }
    assert!(last > 20, "the writer wrote");
}
