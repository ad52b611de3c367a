//! A body larger than memory: ranges of it are kept in slices, the edge stays small, the origin is asked for
//! little more than what visitors want.

use crate::harness::{Connection, LARGE_BYTES, Nginx, Setup, is_long, marker, seed};
use vocabulary::{Random, SeededRandom};

const MIB: u64 = 1 << 20;
/// What the edge may grow by.
const GROWTH_MIB_MAX: u64 = 64;
/// Length of each range.
const RANGE_BYTES: u64 = 24 * MIB;

/// What the origin's body has from `first` on.
fn expected(first: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let end = first + length as u64;
    for at in (first / MIB * MIB..end).step_by(usize::try_from(MIB).unwrap()) {
        for (offset, byte) in (at..).zip(marker(at)) {
            if (first..end).contains(&offset) {
                bytes[usize::try_from(offset - first).unwrap()] = byte;
            }
        }
    }
    bytes
}

#[test]
fn ranges_of_ten_gigabytes_leave_memory_flat_and_the_origin_in_peace() {
    let origin = Nginx::start();
    origin.keep_large();
    let setup = Setup::new();
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"films\"\n[[account.site]]\nhosts = [\"films.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    ));
    let wardmote = setup.up(&["--apply", sites.to_str().unwrap()]);
    wardmote.visit("films.test", "/").status(200);
    let (resident, sent) = (wardmote.resident_bytes(), origin.sent_bytes());
    let random: &dyn Random = &SeededRandom::new(seed());
    let (mut asked, mut highest) = (0, resident);
    let mut visitor = Connection::to(wardmote.setup.http);
    for _ in 0..if is_long() { 60 } else { 6 } {
        let first = u64::from_le_bytes(random.bytes()) % (LARGE_BYTES - RANGE_BYTES);
        let range = format!("bytes={first}-{}", first + RANGE_BYTES - 1);
        for _ in 0..2 {
            let reply = visitor.ask("GET", "films.test", "/large", &[("Range", &range)], None).status(206);
            let place = format!("bytes {first}-{}/{LARGE_BYTES}", first + RANGE_BYTES - 1);
            assert_eq!(reply.field("content-range"), Some(place));
            assert!(reply.body == expected(first, reply.body.len()), "other bytes than the origin's");
            highest = highest.max(wardmote.resident_bytes());
        }
        asked += RANGE_BYTES;
    }
    let fetched = origin.sent_bytes() - sent;
    assert!(fetched * 10 <= asked * 12, "{fetched} bytes fetched for {asked} asked");
    let growth = highest.saturating_sub(resident) / MIB;
    println!("{asked} bytes asked twice, {fetched} fetched, {growth} MiB of growth");
    assert!(growth <= GROWTH_MIB_MAX, "the edge grew by {growth} MiB");
    wardmote.stop();
}
