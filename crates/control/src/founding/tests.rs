use super::*;
use std::collections::BTreeMap;
use std::fs;
use vocabulary::{ManualClock, SeededRandom, Timestamp};

fn found_in(folder: &Path, seed: u64) -> Result<Foundation, FoundError> {
    let url: PublicUrl = "http://localhost:9091".parse().expect("url");
    let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
    found(folder, &url, None, &clock, &SeededRandom::new(seed))
}

fn key_in(path: &Path) -> Option<policy::OfficerKey> {
    Some(policy::OfficerKey::parse(&fs::read_to_string(path).ok()?).expect("key"))
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("file"));
        }
    }
    found
}

#[test]
fn the_second_start_reads_back_what_the_first_one_made() {
    let folder = tempfile::tempdir().expect("folder");
    let first = found_in(folder.path(), 1).expect("first");
    let before = files_below(folder.path());
    let second = found_in(folder.path(), 2).expect("second");
    assert_eq!(files_below(folder.path()), before);
    assert_eq!(first.origin(), second.origin());
    assert_eq!(first.roster, second.roster);
    assert_eq!(first.admin_token, second.admin_token);
    let held = |folder: PathBuf| fs::read_dir(folder).expect("folder").count();
    let second = (held(first.files.officers()), held(first.files.second_keys()));
    assert_eq!(second, (7, 5), "seven officers, five of whom have a second key");
}

#[test]
fn officers_keys_are_not_needed_after_founding() {
    let folder = tempfile::tempdir().expect("folder");
    let files = found_in(folder.path(), 1).expect("founded").files;
    fs::remove_dir_all(files.officers()).expect("removed");
    found_in(folder.path(), 2).expect("read back");
    assert_eq!(fs::read_dir(files.officers()).expect("folder").count(), 0);
}

#[cfg(unix)]
#[test]
fn secrets_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    found_in(folder.path(), 1).expect("founded");
    for path in files_below(folder.path()).into_keys() {
        let name = path.to_string_lossy();
        if name.ends_with(".key") || name.ends_with("duress-keys") || name.ends_with("admin.token") {
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn secrets_that_others_may_read_are_closed_at_the_next_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let files = found_in(folder.path(), 1).expect("founded").files;
    let officer =
        fs::read_dir(files.officers()).expect("folder").next().expect("a key").expect("entry").path();
    let secrets = [files.admin_token(), files.log_key(), files.witness_key(), officer];
    for mode in [0o644, 0o660, 0o604, 0o700] {
        for path in &secrets {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("opened");
        }
        found_in(folder.path(), 2).expect("read back");
        for path in &secrets {
            let mode = fs::metadata(path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }
}

#[test]
fn founding_killed_after_any_file_goes_on() {
    let whole = tempfile::tempdir().expect("folder");
    let files = found_in(whole.path(), 1).expect("founded").files;
    let order = [
        files.roster(),
        files.policy(),
        files.log_key(),
        files.witness_key(),
        files.root_policy(),
        files.root_roster(),
    ];
    for kept in 0..=order.len() {
        let folder = tempfile::tempdir().expect("folder");
        found_in(folder.path(), 1).expect("founded");
        for path in &order[kept..] {
            fs::remove_file(folder.path().join(path.strip_prefix(whole.path()).expect("inside")))
                .expect("removed");
        }
        let again = found_in(folder.path(), 2).expect("goes on");
        let named = fs::read_to_string(again.files.root_policy()).expect("policy");
        assert!(named.contains(&again.log_key.verifier().to_string()), "{kept}: {named}");
        // The keys on disk are those the roster names.
        let mut held = 0;
        for member in again.roster.members() {
            let (files, name) = (&again.files, &member.pseudonym);
            let (first, second) = (key_in(&files.officer_key(name)), key_in(&files.second_key(name)));
            let forced = second.is_some_and(|key| key.public() == member.key);
            assert!(forced || first.is_some_and(|key| key.public() == member.key), "{kept}");
            let key = if forced { files.second_key(name) } else { files.officer_key(name) };
            let approval = key_in(&key).expect("a key").approve(b"a record");
            assert_eq!(again.duress.hold(&[approval]), forced, "{kept}");
            held += usize::from(forced);
        }
        assert_eq!((again.roster.members().len(), held), (12, 5), "{kept}");
    }
}

#[test]
fn neither_the_roster_nor_a_file_of_its_own_tells_a_key_for_duress_from_another() {
    let folder = tempfile::tempdir().expect("folder");
    let founded = found_in(folder.path(), 1).expect("founded");
    let keys: Vec<_> = founded.roster.members().iter().map(|member| *member.key.as_bytes()).collect();
    assert!(keys.is_sorted(), "the order is that of random numbers");
    for member in founded.roster.members() {
        let (first, second) =
            (founded.files.officer_key(&member.pseudonym), founded.files.second_key(&member.pseudonym));
        assert_eq!(first.file_name(), second.file_name());
        if let (Ok(first), Ok(second)) = (fs::read_to_string(first), fs::read_to_string(second)) {
            assert_eq!(first.len(), second.len());
        }
    }
}

#[test]
fn a_lost_file_is_not_made_anew() {
    let whole = tempfile::tempdir().expect("folder");
    let files = found_in(whole.path(), 1).expect("founded").files;
    for path in [files.roster(), files.policy(), files.log_key(), files.witness_key(), files.root_policy()] {
        let bytes = fs::read(&path).expect("file");
        fs::remove_file(&path).expect("removed");
        assert!(matches!(found_in(whole.path(), 2), Err(FoundError::Lost(lost)) if lost == path));
        fs::write(&path, bytes).expect("put back");
    }
    fs::write(files.log_key(), "no key").expect("damaged");
    assert!(matches!(found_in(whole.path(), 2), Err(FoundError::Key { .. })));
}

#[test]
fn a_roster_of_its_own_is_taken_with_witnesses_of_others_and_not_without() {
    let folder = tempfile::tempdir().expect("folder");
    let random = SeededRandom::new(7);
    let member = |name: &str, role, organisation: &str| {
        let key = policy::OfficerKey::generate(&random, name.parse().expect("a name"), role);
        policy::Member {
            key: key.public(),
            pseudonym: key.pseudonym().clone(),
            role,
            person: Digest::of(name.as_bytes()),
            organisation: organisation.to_owned(),
        }
    };
    use policy::Role::{Assessor, DutyOfficer, Legal};
    let members = vec![
        member("duty-1", DutyOfficer, "we"),
        member("assessor-1", Assessor, "they"),
        member("legal-1", Legal, "they"),
    ];
    let profile = policy::Profile::Ward;
    let start = Timestamp::from_secs(1_700_000_000);
    let roster = Roster::new(profile, 1, start, profile.thresholds(), members).expect("a roster");
    fs::write(DataDir::new(folder.path()).roster(), roster.to_bytes()).expect("written");
    let refused = found_in(folder.path(), 1).expect_err("self-witnessed");
    assert!(matches!(refused, FoundError::Unwitnessed(policy::Profile::Ward)), "{refused}");
    let url: PublicUrl = "http://localhost:9091".parse().expect("url");
    let key = SignerKey::for_witness(&random, "w.example").expect("a key");
    let log = SignerKey::for_log(&random, "log.example").expect("a key");
    let witnesses = TlogPolicy::threshold(log.verifier(), &[("w", key.verifier())], 1).expect("a policy");
    let founded =
        found(folder.path(), &url, Some(&witnesses), &ManualClock::at(start), &random).expect("founded");
    assert_eq!((founded.roster.profile(), founded.roster.members().len()), (profile, 3));
    assert_eq!(fs::read_dir(founded.files.officers()).expect("folder").count(), 0, "no key of it is here");
}
