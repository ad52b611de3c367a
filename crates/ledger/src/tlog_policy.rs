//! Trust policies for logs (C2SP tlog-policy): which log, which witnesses, which quorum.
//!
//! Owns the text form and the judgement of a checkpoint against it. An own witness is one that the
//! log's operator runs itself: its key name has the log's host, or its key is the log's. It can sign
//! two views at once, so [`TlogPolicy::splittable`] and [`Quorum`] let callers leave it out.

mod open;
mod text;

pub use open::{Cosignature, OpenError, Opened, Quorum};
pub use text::{PolicyError, PolicyFault};

use crate::key::VerifierKey;

/// Most logs, most witnesses and most groups of a policy; tlog-policy asks for at least 32.
pub const ITEMS_MAX: usize = 64;
/// Most bytes of a policy; sized for [`ITEMS_MAX`] ML-DSA-44 keys.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// Logs, witnesses and the rule that says which sets of witnesses are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogPolicy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A known log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key; the name is the log's origin.
    pub key: VerifierKey,
    /// Where to reach it.
    pub url: Option<String>,
}

/// A known witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where to reach it: its submission prefix (C2SP tlog-witness).
    pub url: Option<String>,
}

/// `k` of some members.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
}

/// What a group or the quorum refers to, by place. A group refers to earlier groups only, and no
/// member has two groups, so evaluation ends and sets are disjoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

impl TlogPolicy {
    /// The policy of one log and `threshold` of some named witnesses.
    pub fn threshold(
        log: VerifierKey,
        witnesses: &[(&str, VerifierKey)],
        threshold: usize,
    ) -> Result<Self, PolicyError> {
        let mut text = format!("log {log}\n");
        for (name, key) in witnesses {
            text += &format!("witness {name} {key}\n");
        }
        let names: Vec<_> = witnesses.iter().map(|(name, _)| *name).collect();
        text += &format!("group quorum-group {threshold} {}\nquorum quorum-group\n", names.join(" "));
        Self::parse(&text)
    }

    /// This policy with a log and the operator's own witness put before what it says; the own one is
    /// listed, so that its line is known, and no quorum counts it unless it did already.
    pub fn kept_by(&self, log: &VerifierKey, own: (&str, &VerifierKey)) -> Result<Self, PolicyError> {
        Self::parse(&format!("log {log}\nwitness {} {}\n{self}", own.0, own.1))
    }

    /// The logs.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether the log's operator runs this witness itself.
    pub fn is_own(&self, witness: &Witness) -> bool {
        let same = |log: &Log| {
            log.key.public() == witness.key.public() || host(log.key.name()) == host(witness.key.name())
        };
        self.logs.iter().any(same)
    }

    /// Whether any cosignature is asked for at all (`quorum none` asks for none).
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether every witness that the quorum can count is the operator's own.
    pub fn is_self_witnessed(&self) -> bool {
        self.counted().iter().all(|place| self.is_own(&self.witnesses[*place]))
    }

    /// Whether two disjoint views could each reach the quorum: 2k ≤ n + own, where k is the fewest
    /// witnesses that satisfy it, n those it can count, and own the operator's among them.
    pub fn splittable(&self) -> bool {
        let counted = self.counted();
        let own = counted.iter().filter(|place| self.is_own(&self.witnesses[**place])).count();
        2 * self.fewest() <= counted.len() + own
    }

    /// The fewest witnesses that satisfy the quorum; 0 for `quorum none`.
    pub fn fewest(&self) -> usize {
        self.quorum.map_or(0, |member| self.fewest_of(member))
    }

    fn fewest_of(&self, member: Member) -> usize {
        let Member::Group(place) = member else { return 1 };
        let group = &self.groups[place];
        let mut each: Vec<_> = group.members.iter().map(|member| self.fewest_of(*member)).collect();
        each.sort_unstable();
        each.iter().take(group.threshold).sum()
    }

    /// Places of the witnesses that the quorum can count.
    fn counted(&self) -> Vec<usize> {
        let mut places = Vec::new();
        let mut open: Vec<_> = self.quorum.into_iter().collect();
        while let Some(member) = open.pop() {
            match member {
                Member::Witness(place) => places.push(place),
                Member::Group(place) => open.extend(&self.groups[place].members),
            }
        }
        places
    }

    fn satisfied(&self, member: Member, signed: &dyn Fn(usize) -> bool) -> bool {
        match member {
            Member::Witness(place) => signed(place),
            Member::Group(place) => {
                let group = &self.groups[place];
                let held = group.members.iter().filter(|member| self.satisfied(**member, signed));
                held.count() >= group.threshold
            }
        }
    }
}

/// The host part of a key name that is a URL without scheme.
fn host(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
