//! Figures of the store on this machine; they gate nothing. Run with
//! `cargo test --release -p records-sql --test sqlite speed -- --ignored --nocapture`.

use crate::contract::SqliteRig;
use records::contract::Rig;
use records::contract::fixtures::{account, case, checkpoint, note, site};
use records::{Change, NewLeaf};
use tokio::time::Instant;

const ENTRIES: u64 = 1_000;
const ENTRY_BYTES: usize = 2_000;

fn leaf(index: u64) -> NewLeaf {
    NewLeaf {
        bytes: format!("{index:0>width$}", width = ENTRY_BYTES).into_bytes(),
        subject: format!("subject {}", index / 4),
        sequence: index % 4 + 1,
    }
}

#[tokio::test]
#[ignore = "prints figures"]
async fn figures_of_appends_and_reads() {
    let mut rig = SqliteRig::fresh().await;
    let records = rig.records();
    let epoch = records.take_epoch().await.unwrap();

    let mut waits = Vec::new();
    for index in 0..ENTRIES {
        let started = Instant::now();
        records.append(epoch, index, &[leaf(index)], &checkpoint(index + 1, "r", "log")).await.unwrap();
        waits.push(started.elapsed());
    }
    waits.sort();
    let total: std::time::Duration = waits.iter().sum();
    println!(
        "append one by one: {ENTRIES} of {ENTRY_BYTES} bytes in {total:?}; p50 {:?}, p99 {:?}, slowest {:?}",
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        waits[waits.len() - 1]
    );

    let batch: Vec<_> = (ENTRIES..2 * ENTRIES).map(leaf).collect();
    let started = Instant::now();
    records.append(epoch, ENTRIES, &batch, &checkpoint(2 * ENTRIES, "r", "log")).await.unwrap();
    println!("append at once: {ENTRIES} in {:?}", started.elapsed());

    let started = Instant::now();
    let hashes = records.leaf_hashes(0..2 * ENTRIES).await.unwrap();
    println!("hashes: {} in {:?}", hashes.len(), started.elapsed());
    let started = Instant::now();
    for hash in hashes.iter().take(1_000) {
        records.index_of(hash).await.unwrap().unwrap();
    }
    println!("index of a leaf: {:?} each", started.elapsed() / 1_000);

    records.apply(&[Change::PutAccount(account(1))], None, &note(1, "figures")).await.unwrap();
    let started = Instant::now();
    for number in 0..200u8 {
        let change = [Change::PutSite(site(number, 1, &[&format!("site-{number}.test")]))];
        records.apply(&change, None, &note(1, "figures")).await.unwrap();
    }
    println!("apply one site: {:?} each", started.elapsed() / 200);
    let started = Instant::now();
    for number in 0..200u8 {
        records.put_case(&case(number, "figures"), 0).await.unwrap();
    }
    println!("put a case: {:?} each", started.elapsed() / 200);
    drop(records);
    let started = Instant::now();
    rig.reopen().await;
    println!("close and open again, checks included: {:?}", started.elapsed());
}
