//! What somebody must look at: bounded, shown on status and console until it is over.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use vocabulary::Timestamp;

/// Most alarms standing at once; further ones replace the oldest.
const ALARMS_MAX: usize = 200;
/// Longest text of one alarm, in characters.
const TEXT_MAX: usize = 500;

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
pub(crate) struct Alarms(Mutex<BTreeMap<(&'static str, String), Alarm>>);

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
        if let Some(alarm) = standing.get_mut(&key) {
            alarm.text = text;
            return;
        }
        tracing::warn!(alarm = name, %subject, %text, "alarm raised");
        if standing.len() >= ALARMS_MAX {
            let oldest = standing.iter().min_by_key(|(_, alarm)| alarm.since).map(|(key, _)| key.clone());
            oldest.map(|key| standing.remove(&key));
        }
        standing.insert(key, Alarm { name, subject, text, since: now });
    }

    /// Ends an alarm, if it stands.
    pub(crate) fn clear(&self, name: &'static str, subject: impl ToString) {
        if self.standing().remove(&(name, subject.to_string())).is_some() {
            tracing::info!(alarm = name, "alarm over");
        }
    }

    /// Ends every alarm of this name that `over` picks by its subject.
    pub(crate) fn clear_where(&self, name: &'static str, over: impl Fn(&str) -> bool) {
        self.standing().retain(|(kind, subject), _| *kind != name || !over(subject));
    }

    /// The same for those alone that were raised at `until` or before.
    pub(crate) fn clear_older(&self, name: &'static str, until: Timestamp, over: impl Fn(&str) -> bool) {
        let ends = |alarm: &Alarm| alarm.name == name && alarm.since <= until && over(&alarm.subject);
        self.standing().retain(|_, alarm| !ends(alarm));
    }

    /// All that stand, the oldest first.
    pub(crate) fn all(&self) -> Vec<Alarm> {
        let mut all: Vec<_> = self.standing().values().cloned().collect();
        all.sort_by_key(|alarm| alarm.since);
        all
    }

    fn standing(&self) -> MutexGuard<'_, BTreeMap<(&'static str, String), Alarm>> {
        // Each change leaves the map whole, so a poisoned one is still good.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
