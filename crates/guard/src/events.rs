//! What the shield did, for as long as there is room: three rings, so that nothing that comes in crowds evicts what
//! comes alone.
//!
//! What is alike (same site, same kind, same cause) is kept a few times in a minute as it is; after that only the
//! event of each next power of two, with how many it stands for, in a ring of its own. Changes of the shield's own
//! state have a ring of their own too.
//!
//! Invariants: memory is bounded by the rings; what is not kept costs no text.

use shield::events::{EventKind, EventRecord};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use vocabulary::{SiteId, Timestamp};

/// Events that come alone.
pub const ALONE_MAX: usize = 4_096;
/// Events that stand for crowds.
pub const CROWDED_MAX: usize = 2_048;
/// Changes of the shield's own state.
pub const STATE_MAX: usize = 1_024;
/// Alike in one minute, that are kept each by itself.
const ALIKE_MAX: u32 = 5;
/// Kept each by itself in one minute, of whatever kind: a carpet over many sites is a crowd, too.
const ALONE_EACH_MINUTE: u32 = 600;
/// Kinds of events that are told apart at once.
const CELLS: usize = 2_048;

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub struct EventFilter {
    /// Of this site; none: of all.
    pub site: Option<SiteId>,
    /// Of this kind; none: of all.
    pub kind: Option<EventKind>,
    /// From this instant on; none: all that are kept.
    pub since: Option<Timestamp>,
    /// So many at most.
    pub limit: usize,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { site: None, kind: None, since: None, limit: 100 }
    }
}

impl EventFilter {
    fn wants(&self, event: &EventRecord) -> bool {
        self.site.is_none_or(|site| event.site == Some(site))
            && self.kind.is_none_or(|kind| event.what == kind)
            && self.since.is_none_or(|since| event.at >= since)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    alike: u64,
    minute: i64,
    count: u32,
    /// The count when one was kept last.
    kept: u32,
}

/// Where an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    Crowded,
    State,
}

#[derive(Debug)]
struct Rings {
    next: u64,
    alone: VecDeque<Arc<EventRecord>>,
    crowded: VecDeque<Arc<EventRecord>>,
    state: VecDeque<Arc<EventRecord>>,
    cells: Box<[Cell]>,
    minute: i64,
    kept_alone: u32,
}

/// The events of an edge.
#[derive(Debug)]
pub(crate) struct Events(Mutex<Rings>);

impl Default for Events {
    fn default() -> Self {
        Self(Mutex::new(Rings {
            next: 1,
            alone: VecDeque::new(),
            crowded: VecDeque::new(),
            state: VecDeque::new(),
            cells: vec![Cell::default(); CELLS].into(),
            minute: 0,
            kept_alone: 0,
        }))
    }
}

impl Events {
    /// Notes an event; `alike` is the same for events of the same kind, and `made` is asked only where this one is
    /// kept, with its number and with how many it stands for.
    pub(crate) fn note(&self, alike: u64, at: Timestamp, made: impl FnOnce(u64, u32) -> EventRecord) {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((place, stands_for)) = rings.placed(alike, at) {
            rings.keep(place, |number| made(number, stands_for));
        }
    }

    /// Notes a change of the shield's own state.
    pub(crate) fn note_state(&self, made: impl FnOnce(u64) -> EventRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(Place::State, made);
    }

    /// The latest events that are wanted, the newest first.
    pub(crate) fn latest(&self, filter: &EventFilter) -> Vec<EventRecord> {
        let rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = rings.alone.iter().chain(&rings.crowded).chain(&rings.state);
        let mut found: Vec<_> = all.filter(|event| filter.wants(event)).cloned().collect();
        drop(rings);
        found.sort_unstable_by_key(|event| std::cmp::Reverse(event.number));
        found.truncate(filter.limit);
        found.into_iter().map(|event| EventRecord::clone(&event)).collect()
    }
}

impl Rings {
    fn placed(&mut self, alike: u64, at: Timestamp) -> Option<(Place, u32)> {
        let minute = at.as_secs() / 60;
        if self.minute != minute {
            self.minute = minute;
            self.kept_alone = 0;
        }
        let cell = &mut self.cells[alike as usize % CELLS];
        if cell.alike != alike || cell.minute != minute {
            *cell = Cell { alike, minute, count: 0, kept: 0 };
        }
        cell.count = cell.count.saturating_add(1);
        if cell.count > ALIKE_MAX && !cell.count.is_power_of_two() {
            return None;
        }
        let stands_for = cell.count - cell.kept;
        cell.kept = cell.count;
        let is_alone = cell.count <= ALIKE_MAX && self.kept_alone < ALONE_EACH_MINUTE;
        self.kept_alone += u32::from(is_alone);
        Some((if is_alone { Place::Alone } else { Place::Crowded }, stands_for))
    }

    fn keep(&mut self, place: Place, made: impl FnOnce(u64) -> EventRecord) {
        let event = Arc::new(made(self.next));
        self.next += 1;
        let (ring, max) = match place {
            Place::Alone => (&mut self.alone, ALONE_MAX),
            Place::Crowded => (&mut self.crowded, CROWDED_MAX),
            Place::State => (&mut self.state, STATE_MAX),
        };
        if ring.len() == max {
            ring.pop_front();
        }
        ring.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shield::events::EventCause;

    fn record(number: u64, at: Timestamp, stands_for: u32) -> EventRecord {
        EventRecord {
            number,
            at,
            site: None,
            ray: None,
            what: EventKind::Blocked,
            acted: true,
            reason: "blocked-by-rule",
            cause: EventCause::Rule("r".to_owned()),
            why: String::new(),
            evidence: String::new(),
            undo: String::new(),
            client: None,
            request: None,
            stands_for,
        }
    }

    #[test]
    fn a_million_alike_evict_nothing_that_came_alone_and_are_all_accounted_for() {
        let (events, at) = (Events::default(), Timestamp::from_secs(6_000));
        events.note(1, at, |number, stands_for| record(number, at, stands_for));
        for _ in 0..1_000_000 {
            events.note(2, at, |number, stands_for| record(number, at, stands_for));
        }
        let kept = events.latest(&EventFilter { limit: usize::MAX, ..EventFilter::default() });
        assert!(kept.iter().any(|event| event.number == 1), "the one that came alone");
        assert!(kept.len() < 32, "{}", kept.len());
        let told: u32 = kept.iter().map(|event| event.stands_for).sum();
        assert!(told > 500_000, "{told}");
    }

    #[test]
    fn a_carpet_over_many_sites_is_a_crowd() {
        let (events, before) = (Events::default(), Timestamp::from_secs(6_000));
        events.note(0, before, |number, stands_for| record(number, before, stands_for));
        for minute in 1..=5 {
            let at = Timestamp::from_secs(6_000 + minute * 60);
            for site in 0..2_000 {
                events.note(site, at, |number, stands_for| record(number, at, stands_for));
            }
        }
        let kept = events.latest(&EventFilter { limit: usize::MAX, ..EventFilter::default() });
        assert!(kept.iter().any(|event| event.at == before));
        assert!(kept.len() <= ALONE_MAX + CROWDED_MAX);
    }
}
