//! Reading and writing a policy.

use super::{Group, ITEMS_MAX, Log, Member, POLICY_BYTES_MAX, TlogPolicy, Witness};
use crate::key::{Algorithm, KeyError, VerifierKey};
use std::collections::HashMap;
use std::fmt;

/// Why a text is no policy, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tlog-policy, line {line}: {fault}")]
pub struct PolicyError {
    /// Counted from 1; the last line when something is missing.
    pub line: usize,
    /// What is wrong.
    pub fault: PolicyFault,
}

/// What is wrong in a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// Over a bound.
    #[error("too much: at most {ITEMS_MAX} logs, witnesses and groups each, and {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// A control character other than tab and newline, or no newline at the end.
    #[error("lines end in a newline and hold no other control characters than tabs")]
    Character,
    /// Not one of the known lines.
    #[error("expected log KEY [URL], witness NAME KEY [URL], group NAME all|any|K NAME..., or quorum NAME")]
    Line,
    /// A key that is none, or cannot do this work.
    #[error("{0}")]
    Key(KeyError),
    /// The same public key twice.
    #[error("this key is already listed")]
    SameKey,
    /// A name defined twice, or `none`.
    #[error("the name {0:?} is taken")]
    SameName(String),
    /// A name without an earlier line that defines it.
    #[error("no witness or group {0:?} is defined above")]
    Unknown(String),
    /// A name that is a member already.
    #[error("{0:?} is already a member of a group")]
    SecondGroup(String),
    /// Not 1 ≤ k ≤ n.
    #[error("a group of n members needs a threshold of 1 to n")]
    Threshold,
    /// Not exactly one quorum line.
    #[error("exactly one quorum line is needed")]
    Quorum,
}

/// Names defined so far, and whether each is a member of a group.
#[derive(Default)]
struct Reader<'a> {
    policy: Parts,
    names: HashMap<&'a str, (Member, bool)>,
    quorum: Option<Option<Member>>,
}

#[derive(Default)]
struct Parts {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
}

impl TlogPolicy {
    /// Reads a policy. Names must be UTF-8, which is narrower than the format allows.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let at = |line| move |fault| PolicyError { line, fault };
        if text.len() > POLICY_BYTES_MAX {
            return Err(at(1)(PolicyFault::TooLong));
        }
        let mut reader = Reader::default();
        let mut number = 0;
        for line in text.split_inclusive('\n') {
            number += 1;
            let line = line.strip_suffix('\n').ok_or(PolicyFault::Character).map_err(at(number))?;
            reader.line(line).map_err(at(number))?;
        }
        let quorum = reader.quorum.ok_or(PolicyFault::Quorum).map_err(at(number))?;
        let Parts { logs, witnesses, groups } = reader.policy;
        Ok(Self { logs, witnesses, groups, quorum })
    }
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), PolicyFault> {
        if line.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err(PolicyFault::Character);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { return Ok(()) };
        let rest: Vec<_> = words.collect();
        match (first, rest.as_slice()) {
            ("log", [key]) => self.log(key, None),
            ("log", [key, url]) => self.log(key, Some(url)),
            ("witness", [name, key]) => self.witness(name, key, None),
            ("witness", [name, key, url]) => self.witness(name, key, Some(url)),
            ("group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ("quorum", [name]) => self.quorum(name),
            _ => Err(PolicyFault::Line),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), PolicyFault> {
        let key: VerifierKey = key.parse().map_err(PolicyFault::Key)?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(PolicyFault::Key(KeyError::Algorithm(key.algorithm() as u8)));
        }
        if self.policy.logs.iter().any(|log| log.key.public() == key.public()) {
            return Err(PolicyFault::SameKey);
        }
        push(&mut self.policy.logs, Log { key, url: url.map(str::to_owned) })?;
        Ok(())
    }

    fn witness(&mut self, name: &'a str, key: &str, url: Option<&str>) -> Result<(), PolicyFault> {
        let key: VerifierKey = key.parse().map_err(PolicyFault::Key)?;
        if key.algorithm() == Algorithm::Ed25519 {
            return Err(PolicyFault::Key(KeyError::Algorithm(key.algorithm() as u8)));
        }
        if self.policy.witnesses.iter().any(|known| known.key.public() == key.public()) {
            return Err(PolicyFault::SameKey);
        }
        let witness = Witness { name: name.to_owned(), key, url: url.map(str::to_owned) };
        let place = push(&mut self.policy.witnesses, witness)?;
        self.define(name, Member::Witness(place))
    }

    fn group(&mut self, name: &'a str, threshold: &str, members: &[&'a str]) -> Result<(), PolicyFault> {
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => number.parse().map_err(|_| PolicyFault::Threshold)?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(PolicyFault::Threshold);
        }
        let members = members.iter().map(|member| self.take_member(member)).collect::<Result<_, _>>()?;
        let place = push(&mut self.policy.groups, Group { name: name.to_owned(), threshold, members })?;
        self.define(name, Member::Group(place))
    }

    fn take_member(&mut self, name: &str) -> Result<Member, PolicyFault> {
        let known = self.names.get_mut(name).ok_or_else(|| PolicyFault::Unknown(name.to_owned()))?;
        if std::mem::replace(&mut known.1, true) {
            return Err(PolicyFault::SecondGroup(name.to_owned()));
        }
        Ok(known.0)
    }

    fn quorum(&mut self, name: &str) -> Result<(), PolicyFault> {
        let member = match name {
            "none" => None,
            name => Some(self.names.get(name).ok_or_else(|| PolicyFault::Unknown(name.to_owned()))?.0),
        };
        if self.quorum.replace(member).is_some() { Err(PolicyFault::Quorum) } else { Ok(()) }
    }

    fn define(&mut self, name: &'a str, member: Member) -> Result<(), PolicyFault> {
        let taken = name == "none" || self.names.insert(name, (member, false)).is_some();
        if taken { Err(PolicyFault::SameName(name.to_owned())) } else { Ok(()) }
    }
}

/// Adds an item within the bound and tells its place.
fn push<T>(items: &mut Vec<T>, item: T) -> Result<usize, PolicyFault> {
    if items.len() == ITEMS_MAX {
        return Err(PolicyFault::TooLong);
    }
    items.push(item);
    Ok(items.len() - 1)
}

impl fmt::Display for TlogPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for witness in &self.witnesses {
            writeln!(f, "witness {} {}{}", witness.name, witness.key, url(&witness.url))?;
        }
        for group in &self.groups {
            write!(f, "group {} {}", group.name, group.threshold)?;
            group.members.iter().try_for_each(|member| write!(f, " {}", self.name_of(*member)))?;
            writeln!(f)?;
        }
        writeln!(f, "quorum {}", self.quorum.map_or("none", |member| self.name_of(member)))
    }
}

impl TlogPolicy {
    fn name_of(&self, member: Member) -> &str {
        match member {
            Member::Witness(place) => &self.witnesses[place].name,
            Member::Group(place) => &self.groups[place].name,
        }
    }
}
