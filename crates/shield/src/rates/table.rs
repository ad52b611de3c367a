//! The counters: a set-associative table of buckets, and a sketch for the keys that find no room.
//!
//! A slot whose bucket is empty and whose mitigation is over says nothing and is free. Where a set has
//! no free slot, a new key takes one only if the sketch has seen it more than the least filled bucket
//! holds; else the sketch alone decides. So a flood of keys that each come once moves nobody out.

use super::sketch::{Sketch, WINDOW_US};
use super::{Limit, RateKey};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vocabulary::Timestamp;

const WAYS: usize = 8;
const SHARDS: usize = 16;

/// How large a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    sets: usize,
    width: usize,
}

impl TableSize {
    /// 524,288 counters and as many cells: 12 MiB.
    pub const USUAL: Self = Self { sets: 4096, width: 8192 };
    /// 1,024 counters: for tests.
    pub const SMALL: Self = Self { sets: 8, width: 64 };
}

/// One bucket. All zero is a free slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The rest of the key's hash; 0 is never used.
    tag: u32,
    /// Until when the key is mitigated, in seconds since the table began.
    until: u32,
    /// When the bucket will be empty, in microseconds since the table began.
    empty_at: u64,
}

impl Slot {
    fn is_free(&self, now_us: u64) -> bool {
        self.empty_at <= now_us && u64::from(self.until) * 1_000_000 <= now_us
    }

    fn debt(&self, now_us: u64) -> u64 {
        self.empty_at.saturating_sub(now_us)
    }
}

/// Where a key stands towards its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Within it.
    Within,
    /// Over it, or still mitigated.
    Over {
        /// When it may come again.
        retry_after: Duration,
        /// Whether this request went over, so that one event tells of it.
        began: bool,
    },
}

struct Shard {
    slots: Box<[Slot]>,
    sketch: Sketch,
}

/// All counters of an edge, in shards that are locked one at a time.
pub struct RateTable {
    shards: Box<[Mutex<Shard>]>,
    sets: usize,
    began: Timestamp,
}

impl RateTable {
    /// A table that begins now; all its memory is taken here.
    pub fn new(size: TableSize, now: Timestamp) -> Self {
        let shard = |_| {
            let slots = vec![Slot::default(); size.sets * WAYS].into();
            Mutex::new(Shard { slots, sketch: Sketch::new(size.width) })
        };
        Self { shards: (0..SHARDS).map(shard).collect(), sets: size.sets, began: now }
    }

    /// Counts a request and says where its key stands.
    pub fn hit(&self, key: RateKey, limit: &Limit, now: Timestamp) -> Standing {
        let now_us = self.since(now);
        let (mut shard, set, tag) = self.place(key);
        let Shard { slots, sketch } = &mut *shard;
        let slots = &mut slots[set * WAYS..(set + 1) * WAYS];
        if let Some(slot) = slots.iter_mut().find(|slot| slot.tag == tag && !slot.is_free(now_us)) {
            return charge(slot, limit, now_us);
        }
        let lately = sketch.count(key.0, now_us).max(1);
        // What came before this request, as the debt that its bucket would have.
        let debt = (lately - 1).saturating_mul(limit.interval_us).min(limit.period_us);
        let Some(slot) = slots.iter_mut().min_by_key(|slot| (!slot.is_free(now_us), slot.debt(now_us)))
        else {
            return Standing::Within;
        };
        if slot.is_free(now_us) {
            *slot = Slot { tag, until: 0, empty_at: now_us };
            return charge(slot, limit, now_us);
        }
        let mitigated = u64::from(slot.until) * 1_000_000 > now_us;
        if !mitigated && debt > slot.debt(now_us) {
            *slot = Slot { tag, until: 0, empty_at: now_us + debt };
            return charge(slot, limit, now_us);
        }
        by_sketch(lately, limit)
    }

    /// Says where a key stands, without counting: for rules that count answers.
    pub fn look(&self, key: RateKey, limit: &Limit, now: Timestamp) -> Standing {
        let now_us = self.since(now);
        let (shard, set, tag) = self.place(key);
        let slots = &shard.slots[set * WAYS..(set + 1) * WAYS];
        match slots.iter().find(|slot| slot.tag == tag && !slot.is_free(now_us)) {
            Some(slot) => standing(slot, limit, now_us).unwrap_or(Standing::Within),
            None => Standing::Within,
        }
    }

    /// The memory of all counters, in bytes; it never changes.
    pub fn memory_bytes(&self) -> usize {
        let shard = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.slots.len() * size_of::<Slot>() + shard.sketch.memory_bytes()
        };
        self.shards.iter().map(shard).sum::<usize>() + size_of::<Self>()
    }

    fn since(&self, now: Timestamp) -> u64 {
        // One second ahead, so that a fresh slot, which is all zero, is free at the first instant.
        u64::try_from(now.since(self.began).as_micros()).unwrap_or(u64::MAX / 4) + 1_000_000
    }

    fn place(&self, key: RateKey) -> (MutexGuard<'_, Shard>, usize, u32) {
        let number = key.0;
        let shard = lock(&self.shards[(number % SHARDS as u64) as usize]);
        let set = (number / SHARDS as u64) as usize % self.sets;
        (shard, set, ((number >> 32) as u32).max(1))
    }
}

impl std::fmt::Debug for RateTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RateTable({} sets)", self.sets * SHARDS)
    }
}

/// A panic elsewhere leaves numbers behind that are still numbers.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a slot says before anything is counted; `None` when one more may come.
fn standing(slot: &Slot, limit: &Limit, now_us: u64) -> Option<Standing> {
    let until_us = u64::from(slot.until) * 1_000_000;
    if until_us > now_us {
        return Some(Standing::Over { retry_after: Duration::from_micros(until_us - now_us), began: false });
    }
    let over = (slot.debt(now_us) + limit.interval_us).saturating_sub(limit.period_us);
    (over > 0).then(|| Standing::Over { retry_after: Duration::from_micros(over), began: false })
}

fn charge(slot: &mut Slot, limit: &Limit, now_us: u64) -> Standing {
    match standing(slot, limit, now_us) {
        None => {
            slot.empty_at = slot.empty_at.max(now_us) + limit.interval_us;
            Standing::Within
        }
        Some(Standing::Over { .. })
            if limit.mitigation > 0 && u64::from(slot.until) * 1_000_000 <= now_us =>
        {
            let now_s = u32::try_from(now_us / 1_000_000).unwrap_or(u32::MAX);
            slot.until = now_s.saturating_add(limit.mitigation);
            Standing::Over { retry_after: limit.mitigation(), began: true }
        }
        Some(over) => over,
    }
}

/// The sketch's word for a key without a counter: over when it came so often in ten seconds that the
/// limit would be broken at that rate.
fn by_sketch(lately: u64, limit: &Limit) -> Standing {
    if lately.saturating_mul(limit.interval_us) <= limit.period_us.max(WINDOW_US) {
        return Standing::Within;
    }
    Standing::Over { retry_after: Duration::from_micros(limit.interval_us.max(1_000_000)), began: false }
}
