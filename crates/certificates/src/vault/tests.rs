use super::*;
use crate::authority::LocalAuthority;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt;
use vocabulary::{SiteId, SitePattern, Timestamp};

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_348_800)
}

fn slot(number: u8) -> Slot {
    Slot::uploaded(SiteId::from_bytes([number; 16]))
}

fn standing(stamp: u64) -> Standing {
    Standing { not_before: now(), not_after: now(), stamp }
}

fn chain(folder: &Path, host: &str) -> KeyedChain {
    let authority = LocalAuthority::open(&folder.join("ca"), now()).expect("authority");
    let host: SitePattern = host.parse().expect("host");
    authority.issue_chain(std::slice::from_ref(&host), now()).expect("issued").0
}

fn names(chain: &KeyedChain) -> String {
    format!("{:?}", chain.trusted().expect("certificate").names())
}

fn record(folder: &Path, slot: Slot) -> PathBuf {
    place(&folder.join("vault/records"), slot)
}

fn flip(path: &Path, at: u64) {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).expect("open");
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).expect("seek");
    file.read_exact(&mut byte).expect("read");
    file.seek(SeekFrom::Start(at)).expect("seek");
    file.write_all(&[byte[0] ^ 1]).expect("write");
}

#[test]
fn what_is_put_is_there_after_a_restart_and_nothing_of_it_is_readable() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("vault");
    let made = chain(folder.path(), "a.test");
    let vault = Vault::open(&place).expect("opened");
    vault.put(slot(1), &made, standing(7)).expect("put");
    drop(vault);
    let vault = Vault::open(&place).expect("opened again");
    assert_eq!(vault.standing(slot(1)), Some(standing(7)));
    assert_eq!(names(&vault.load(slot(1)).expect("loaded")), names(&made));
    assert!(matches!(vault.load(slot(2)), Err(RecordError::Absent)));

    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&place.join("key")), 0o600);
    assert_eq!(mode(&place.join("records")), 0o700);
    let bytes = fs::read(record(folder.path(), slot(1))).expect("read");
    let plain = made.encode();
    assert!(plain.windows(16).all(|part| bytes.windows(16).all(|sealed| sealed != part)));
}

#[test]
fn a_record_that_was_changed_cut_or_moved_is_lost_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let vault = Vault::open(&folder.path().join("vault")).expect("opened");
    for number in 1..=4 {
        vault.put(slot(number), &chain(folder.path(), "a.test"), standing(1)).expect("put");
    }
    let path = |number| record(folder.path(), slot(number));
    let length = fs::metadata(path(1)).expect("there").len();
    for at in [0, 11, 12, length / 2, length - 1] {
        flip(&path(1), at);
        assert!(matches!(vault.load(slot(1)), Err(RecordError::Damaged(_))), "{at}");
        flip(&path(1), at);
    }
    assert!(vault.load(slot(1)).is_ok());
    fs::write(path(2), b"short").expect("write");
    assert!(matches!(vault.load(slot(2)), Err(RecordError::Damaged(_))));
    fs::copy(path(1), path(3)).expect("copy");
    assert!(matches!(vault.load(slot(3)), Err(RecordError::Damaged(_))), "sealed for another place");
    assert!(vault.load(slot(4)).is_ok());
}

#[test]
fn an_index_that_is_torn_damaged_or_gone_is_made_again_from_the_records() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("vault");
    let made = chain(folder.path(), "a.test");
    let vault = Vault::open(&place).expect("opened");
    for number in 1..=3 {
        vault.put(slot(number), &made, standing(u64::from(number))).expect("put");
    }
    drop(vault);
    let index = place.join("index");
    let whole = fs::read(&index).expect("read");
    fs::write(&index, &whole[..whole.len() - 5]).expect("cut");
    let vault = Vault::open(&place).expect("opened");
    assert_eq!(vault.standing(slot(2)), Some(standing(2)));
    let found = vault.standing(slot(3)).expect("found by its record");
    assert_eq!((found.stamp, found.not_after), (0, made.trusted().expect("certificate").not_after()));
    drop(vault);

    fs::write(&index, &whole).expect("write");
    flip(&index, 20);
    let vault = Vault::open(&place).expect("opened");
    assert_eq!(vault.standing(slot(1)).map(|found| found.stamp), Some(0));
    assert_eq!(vault.standing(slot(3)), Some(standing(3)), "entries after it stand");
    drop(vault);

    fs::remove_file(&index).expect("remove");
    fs::remove_file(record(folder.path(), slot(2))).expect("remove");
    fs::write(record(folder.path(), slot(1)).with_extension("new"), b"half").expect("write");
    let vault = Vault::open(&place).expect("opened");
    assert_eq!(vault.len(), 2);
    assert!(vault.standing(slot(2)).is_none());
    assert!(!record(folder.path(), slot(1)).with_extension("new").exists(), "what was left half is removed");
}

#[test]
fn a_certificate_may_be_replaced_and_removed_any_number_of_times() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("vault");
    let (one, two) = (chain(folder.path(), "a.test"), chain(folder.path(), "b.test"));
    let vault = Vault::open(&place).expect("opened");
    for round in 0..700 {
        vault.put(slot(1), if round % 2 == 0 { &one } else { &two }, standing(round)).expect("put");
    }
    for round in 0..700 {
        vault.note(slot(1), standing(round)).expect("note");
    }
    vault.put(slot(2), &one, standing(1)).expect("put");
    vault.remove(slot(2)).expect("removed");
    vault.remove(slot(2)).expect("removed twice");
    drop(vault);
    assert!(fs::metadata(place.join("index")).expect("there").len() < 1_100 * 64, "old entries go");
    let vault = Vault::open(&place).expect("opened");
    assert_eq!((vault.len(), vault.standing(slot(1))), (1, Some(standing(699))));
    assert_eq!(names(&vault.load(slot(1)).expect("loaded")), names(&two));
}

#[test]
fn a_lost_key_is_said_and_not_replaced() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("vault");
    let made = chain(folder.path(), "a.test");
    Vault::open(&place).expect("opened").put(slot(1), &made, standing(1)).expect("put");
    let key = fs::read(place.join("key")).expect("read");
    fs::remove_file(place.join("key")).expect("remove");
    let error = Vault::open(&place).expect_err("refused");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    // Without the index, too: it would be made anew, the key would not.
    fs::remove_file(place.join("index")).expect("remove");
    let error = Vault::open(&place).expect_err("refused");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    assert!(!place.join("key").exists(), "no new key was made");
    fs::write(place.join("key"), &key[..31]).expect("write");
    assert!(Vault::open(&place).is_err());
    fs::write(place.join("key"), &key).expect("write");
    assert!(Vault::open(&place).expect("opened").load(slot(1)).is_ok());
}
