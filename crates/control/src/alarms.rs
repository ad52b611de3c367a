//! What somebody must look at: bounded, shown on status and console until it is over, and kept over a restart.
//!
//! Most alarms are about what is: whoever raises them looks again with each pass, and after a restart they stand again,
//! since when they began. A few are about what happened, [`EVENTS`]: nothing looks again, so they stand until an officer
//! says that they are settled.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use vocabulary::Timestamp;

/// Most alarms standing at once; further ones replace the oldest.
const ALARMS_MAX: usize = 200;
/// Longest text of one alarm, in characters.
const TEXT_MAX: usize = 500;

/// Alarms about what happened once.
pub(crate) const EVENTS: [&str; 3] = ["entry-refused", "mail-held-back", "mail-not-noted"];
/// How long after a start an alarm that comes again is the one from before it.
const SAME_WITHIN: Duration = Duration::from_secs(15 * 60);

/// An alarm as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptAlarm {
    name: String,
    subject: String,
    text: String,
    since: Timestamp,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Alarm {
    /// The stable name.
    pub(crate) name: &'static str,
    /// What it is about: an id, an edge, a part.
    pub(crate) subject: String,
    /// What happened and what to do.
    pub(crate) text: String,
    /// Since when.
    #[schema(value_type = String)]
    pub(crate) since: Timestamp,
}

/// The alarms that stand.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<Standing>);

/// Since when alarms stand, by name and subject.
type Began = BTreeMap<(String, String), Timestamp>;

#[derive(Debug, Default)]
struct Standing {
    alarms: BTreeMap<(&'static str, String), Alarm>,
    /// Those of the run before that may come again, until then.
    before: Option<(Timestamp, Began)>,
}

impl Standing {
    /// Since when an alarm stands that is raised now.
    fn since(&mut self, key: &(&'static str, String), now: Timestamp) -> Timestamp {
        let Some((until, before)) = &mut self.before else { return now };
        if now >= *until {
            self.before = None;
            return now;
        }
        before.remove(&(key.0.to_owned(), key.1.clone())).unwrap_or(now)
    }
}

impl Alarms {
    /// Raises an alarm, or renews the text of the one that stands.
    pub(crate) fn raise(
        &self,
        name: &'static str,
        subject: impl ToString,
        text: impl ToString,
        now: Timestamp,
    ) {
        let subject = subject.to_string();
        let text: String = text.to_string().chars().take(TEXT_MAX).collect();
        let mut standing = self.standing();
        let key = (name, subject.clone());
        if let Some(alarm) = standing.alarms.get_mut(&key) {
            alarm.text = text;
            return;
        }
        tracing::warn!(alarm = name, %subject, %text, "alarm raised");
        if standing.alarms.len() >= ALARMS_MAX {
            let oldest = standing.alarms.iter().min_by_key(|(_, alarm)| alarm.since);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| standing.alarms.remove(&key));
        }
        let since = standing.since(&key, now);
        standing.alarms.insert(key, Alarm { name, subject, text, since });
    }

    /// Takes up what stood when the process ended.
    pub(crate) fn recall(&self, kept: Vec<KeptAlarm>, now: Timestamp) {
        let mut standing = self.standing();
        let mut before = Began::new();
        for KeptAlarm { name, subject, text, since } in kept.into_iter().take(ALARMS_MAX) {
            match EVENTS.into_iter().find(|event| *event == name) {
                Some(name) => {
                    let alarm = Alarm { name, subject: subject.clone(), text, since };
                    standing.alarms.insert((name, subject), alarm);
                }
                None => drop(before.insert((name, subject), since)),
            }
        }
        standing.before = Some((now.plus(SAME_WITHIN), before));
    }

    /// What is to be kept: all that stand, and for a while those from before that have not come again yet.
    pub(crate) fn to_keep(&self, now: Timestamp) -> Vec<KeptAlarm> {
        let standing = self.standing();
        let kept = |(key, since): (&(String, String), &Timestamp)| KeptAlarm {
            name: key.0.clone(),
            subject: key.1.clone(),
            text: String::new(),
            since: *since,
        };
        let before = standing.before.iter().filter(|(until, _)| now < *until).flat_map(|(_, before)| before);
        let mut all: Vec<KeptAlarm> = before.map(kept).collect();
        all.extend(standing.alarms.values().map(|alarm| KeptAlarm {
            name: alarm.name.to_owned(),
            subject: alarm.subject.clone(),
            text: alarm.text.clone(),
            since: alarm.since,
        }));
        all.sort_by_key(|alarm| std::cmp::Reverse(alarm.since));
        all.truncate(ALARMS_MAX);
        all
    }

    /// Ends an alarm about what happened; `false` where none such stands.
    pub(crate) fn settle(&self, name: &str, subject: &str) -> bool {
        let event = EVENTS.into_iter().find(|event| *event == name);
        event.is_some_and(|name| self.standing().alarms.remove(&(name, subject.to_owned())).is_some())
    }

    /// Ends an alarm, if it stands.
    pub(crate) fn clear(&self, name: &'static str, subject: impl ToString) {
        if self.standing().alarms.remove(&(name, subject.to_string())).is_some() {
            tracing::info!(alarm = name, "alarm over");
        }
    }

    /// Ends every alarm of this name that `over` picks by its subject.
    pub(crate) fn clear_where(&self, name: &'static str, over: impl Fn(&str) -> bool) {
        self.standing().alarms.retain(|(kind, subject), _| *kind != name || !over(subject));
    }

    /// The same for those alone that were raised at `until` or before.
    pub(crate) fn clear_older(&self, name: &'static str, until: Timestamp, over: impl Fn(&str) -> bool) {
        let ends = |alarm: &Alarm| alarm.name == name && alarm.since <= until && over(&alarm.subject);
        self.standing().alarms.retain(|_, alarm| !ends(alarm));
    }

    /// All that stand, the oldest first.
    pub(crate) fn all(&self) -> Vec<Alarm> {
        let mut all: Vec<_> = self.standing().alarms.values().cloned().collect();
        all.sort_by_key(|alarm| alarm.since);
        all
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Each change leaves the maps whole, so a poisoned one is still good.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_forgets_neither_what_happened_nor_since_when_something_is() {
        let at = Timestamp::from_secs;
        let (alarms, after) = (Alarms::default(), Alarms::default());
        alarms.raise("entry-refused", "dec_1", "twice", at(1));
        alarms.raise("edge-refused", "e1", "refused", at(2));
        alarms.raise("edge-refused", "e2", "refused", at(3));
        let kept = serde_json::to_vec(&alarms.to_keep(at(4))).expect("json");
        after.recall(serde_json::from_slice(&kept).expect("read"), at(100));
        let stands = |alarms: &Alarms| -> Vec<(String, Timestamp)> {
            alarms.all().into_iter().map(|alarm| (alarm.subject, alarm.since)).collect()
        };
        assert_eq!(stands(&after), [("dec_1".to_owned(), at(1))], "what is comes again by itself");
        after.raise("edge-refused", "e1", "refused", at(101));
        assert_eq!(stands(&after)[1], ("e1".to_owned(), at(2)));
        assert_eq!(after.to_keep(at(102)).len(), 3, "the one that may still come again is kept on");
        after.raise("edge-refused", "e2", "refused", at(100 + 15 * 60));
        assert_eq!(stands(&after)[2].1, at(100 + 15 * 60), "by then it is another one");
        assert!(!after.settle("edge-refused", "e1"), "what is ends by itself alone");
        assert!(after.settle("entry-refused", "dec_1") && !after.settle("entry-refused", "dec_1"));
    }

    #[test]
    fn alarms_stand_until_cleared_and_stay_bounded() {
        let alarms = Alarms::default();
        let at = Timestamp::from_secs;
        alarms.raise("edge-refused", "e1", "first", at(1));
        alarms.raise("edge-refused", "e1", "second", at(2));
        assert_eq!(alarms.all().len(), 1);
        assert_eq!((alarms.all()[0].text.as_str(), alarms.all()[0].since), ("second", at(1)));
        alarms.clear("edge-refused", "e1");
        assert!(alarms.all().is_empty());
        for n in 0..300 {
            alarms.raise("edge-refused", n, "x", at(n));
        }
        assert_eq!(alarms.all().len(), ALARMS_MAX);
        assert_eq!(alarms.all()[0].since, at(100));
        alarms.clear_older("edge-refused", at(100), |_| true);
        assert_eq!(alarms.all()[0].since, at(101));
        alarms.clear_where("edge-refused", |_| true);
        assert!(alarms.all().is_empty());
    }
}
