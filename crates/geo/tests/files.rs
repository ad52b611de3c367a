//! Files made from tables, looked up, damaged, replaced.

use geo::testing::{file, file_of};
use geo::{Database, DatabaseError, Location, Places, open};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use tempfile::TempDir;

const FRANCE: Location = Location { country: Some(*b"FR"), continent: Some(*b"EU"), asn: None };
const KENYA: Location = Location { country: Some(*b"KE"), continent: Some(*b"AF"), asn: None };
const NETWORK: Location = Location { country: None, continent: None, asn: Some(4_200_000_001) };

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn two_countries() -> Vec<(&'static str, Location)> {
    vec![("127.1.2.0/24", KENYA), ("127.0.0.0/8", FRANCE), ("2001:db8::/32", KENYA), ("10.0.0.7/32", KENYA)]
}

#[test]
fn the_longest_prefix_has_the_word_in_records_of_every_size() {
    for bits in [24, 28, 32] {
        let database = Database::parse(file_of(bits, &two_countries())).unwrap();
        assert_eq!((database.kind(), database.built()), ("Rehearsal", 1_700_000_000));
        for (address, expected) in [
            ("127.0.0.1", FRANCE),
            ("127.1.2.255", KENYA),
            ("127.1.3.0", FRANCE),
            ("10.0.0.7", KENYA),
            ("10.0.0.8", Location::default()),
            ("::ffff:127.1.2.3", KENYA),
            ("2001:db8:1::1", KENYA),
            ("2001:db9::1", Location::default()),
            ("0.0.0.0", Location::default()),
            ("255.255.255.255", Location::default()),
        ] {
            assert_eq!(database.locate(ip(address)), expected, "{address} in records of {bits} bits");
        }
    }
}

#[test]
fn files_complete_each_other_and_the_first_has_the_word() {
    let parse = |networks: &[(&str, Location)]| Database::parse(file(networks)).unwrap();
    let places = Places::of(vec![
        parse(&[("127.0.0.0/8", NETWORK)]),
        parse(&[("127.0.0.0/9", FRANCE)]),
        parse(&[("127.0.0.0/8", KENYA)]),
    ]);
    assert_eq!(places.locate(ip("127.0.0.1")), Location { asn: NETWORK.asn, ..FRANCE });
    assert_eq!(places.locate(ip("127.255.0.1")), Location { asn: NETWORK.asn, ..KENYA });
    assert_eq!(Places::none().locate(ip("127.0.0.1")), Location::default());
}

#[test]
fn what_is_no_database_is_refused() {
    let whole = file(&two_countries());
    let marker = whole.windows(14).rposition(|window| window == b"\xab\xcd\xefMaxMind.com").unwrap();
    let refusal = |bytes: Vec<u8>| Database::parse(bytes).err();
    assert_eq!(refusal(Vec::new()), Some(DatabaseError::NoMarker));
    assert_eq!(refusal(whole[..marker].to_vec()), Some(DatabaseError::NoMarker));
    assert_eq!(refusal(whole[..marker + 14].to_vec()), Some(DatabaseError::Undescribed("version")));
    assert_eq!(refusal(whole[marker - 20..].to_vec()), Some(DatabaseError::Cut));
    assert_eq!(refusal(file_of(20, &[])), Some(DatabaseError::RecordSize(20)));
}

#[test]
fn no_damage_to_a_file_makes_a_look_up_fail() {
    let whole = file_of(28, &two_countries());
    let addresses = ["127.1.2.3", "10.0.0.7", "2001:db8::1", "ffff::"].map(ip);
    let look = |bytes: &[u8]| {
        if let Ok(database) = Database::parse(bytes.to_vec()) {
            for address in addresses {
                database.locate(address);
            }
        }
    };
    for at in 0..whole.len() {
        look(&whole[..at]);
        look(&whole[at..]);
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            look(&damaged);
        }
    }
}

/// A value that points at itself, and maps that claim more than there is, end after a bounded number of steps.
#[test]
fn values_that_lead_in_circles_are_not_known() {
    let plain = file(&[("0.0.0.0/0", FRANCE)]);
    let values = plain.windows(10).position(|window| window == b"\x49continent").unwrap() - 1;
    for circle in
        [&b"\x20\x00"[..], b"\xe2\x20\x00\x20\x00", b"\xff\xff\xff\xff\x40\xe1", b"\x1f\x04\xff\xff\xff"]
    {
        let mut bytes = plain.clone();
        bytes[values..values + circle.len()].copy_from_slice(circle);
        let database = Database::parse(bytes).unwrap();
        assert_eq!(database.locate(ip("1.2.3.4")), Location::default(), "{circle:?}");
    }
}

/// A record before whose country stands an array of this many values, of one byte each.
fn behind_an_array_of(values: u16) -> Location {
    let plain = file(&[("0.0.0.0/0", FRANCE)]);
    let at = plain.windows(10).position(|window| window == b"\x49continent").expect("a record") - 1;
    let mut record = b"\xe2\x41x\x1e\x04".to_vec();
    record.extend((values - 285).to_be_bytes());
    record.extend(vec![0x40; usize::from(values)]);
    record.extend(b"\x47country\xe1\x48iso_code\x42fr");
    let bytes = [&plain[..at], &record, &plain[at..]].concat();
    Database::parse(bytes).expect("a database").locate(ip("1.2.3.4"))
}

#[test]
fn a_record_that_takes_too_many_steps_is_not_known() {
    assert_eq!(behind_an_array_of(300).country, FRANCE.country);
    assert_eq!(behind_an_array_of(5_000), Location::default());
}

struct Folder(TempDir);

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// As updaters do: beside it, then renamed over it.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("new"), bytes).expect("written");
        fs::rename(self.path("new"), self.path(name)).expect("renamed");
    }
}

#[test]
fn a_new_version_is_taken_and_a_damaged_one_leaves_the_former() {
    let folder = Folder(TempDir::new().unwrap());
    folder.put("country.mmdb", &file(&[("127.0.0.0/8", FRANCE)]));
    let (places, mut watch, troubles) = open(&[folder.path("country.mmdb"), folder.path("asn.mmdb")]);
    let address = ip("127.0.0.1");
    assert_eq!(troubles.len(), 1, "one file is not there yet: {troubles:?}");
    assert_eq!(places.locate(address), FRANCE);
    assert!(watch.look().is_empty(), "what is away is told of once");

    folder.put("asn.mmdb", &file(&[("127.0.0.0/8", NETWORK)]));
    assert!(watch.look().is_empty());
    assert_eq!(places.locate(address).asn, NETWORK.asn);
    assert_eq!(places.in_use().len(), 2);

    folder.put("country.mmdb", b"half a file");
    assert_eq!(watch.look().len(), 1);
    assert_eq!(watch.look().len(), 0, "each version is told of once");
    assert_eq!(places.locate(address).country, FRANCE.country);

    fs::remove_file(folder.path("country.mmdb")).unwrap();
    assert_eq!((watch.look().len(), watch.look().len()), (1, 0));
    assert_eq!(places.locate(address).country, FRANCE.country);

    folder.put("country.mmdb", &file(&[("127.0.0.0/8", KENYA), ("10.0.0.0/8", KENYA)]));
    assert!(watch.look().is_empty());
    assert_eq!(places.locate(address).country, KENYA.country);
}
