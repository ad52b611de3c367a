//! The roster: who may decide, with which key, in which role.

use crate::format::RosterFormat;
use crate::{OfficerKey, Profile, Pseudonym, PublicKey, Role};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{Digest, Hasher, Random, Timestamp};

#[cfg(test)]
mod tests;

/// Most members of one roster.
pub const MEMBERS_MAX: usize = 200;
/// Longest organisation name, in bytes.
const ORGANISATION_MAX: usize = 100;

/// Who may decide. A canonical JSON document; edges pin it when they join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Roster(Unchecked);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    format: RosterFormat,
    profile: Profile,
    serial: u64,
    not_before: Timestamp,
    thresholds: Thresholds,
    members: Vec<Member>,
}

/// One key on the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The officer's public key.
    pub key: PublicKey,
    /// The name the officer acts under.
    pub pseudonym: Pseudonym,
    /// The officer's one role.
    pub role: Role,
    /// Sealed commitment to the person; equal for two keys of one person.
    pub person: Digest,
    /// Who employs or swore in the officer.
    pub organisation: String,
}

/// How many must approve a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Distinct people.
    pub approvals: u32,
    /// Distinct roles.
    pub roles: u32,
    /// Distinct organisations.
    pub organisations: u32,
}

/// A trial's first roster with the secret keys behind it.
#[derive(Debug)]
pub struct Founding {
    /// The roster to publish and pin.
    pub roster: Roster,
    /// One key for each pseudonym, in the order of the seats.
    pub keys: Vec<OfficerKey>,
    /// A second key of everybody whose signature can carry a record, for signing under duress
    /// ([`crate::DuressKeys`]). On the roster they are keys like any other.
    pub duress: Vec<OfficerKey>,
}

/// Why a document is no roster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// Too many members or too long a name.
    #[error("{what}: at most {max} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// One key listed twice.
    #[error("the key of {0} is listed twice")]
    KeyTwice(Pseudonym),
    /// One pseudonym for two people.
    #[error("the pseudonym {0} is given to two people")]
    PseudonymTwice(Pseudonym),
    /// One person under two pseudonyms.
    #[error("the person behind {0} has two pseudonyms; one person acts under one, however many keys")]
    TwoPseudonyms(Pseudonym),
    /// One person in two roles.
    #[error("the person behind {0} has two roles; one person fills one role, however many keys")]
    TwoRoles(Pseudonym),
    /// Thresholds below what the profile asks.
    #[error(
        "profile {profile} asks for at least {} approvals by {} roles from {} organisations",
        .least.approvals, .least.roles, .least.organisations
    )]
    Thresholds {
        /// The roster's profile.
        profile: Profile,
        /// What it asks for.
        least: Thresholds,
    },
    /// Thresholds that nobody could ever meet.
    #[error("the roster's deciding members cannot meet its own thresholds")]
    Unreachable,
    /// Not canonical JSON of this shape.
    #[error("the roster is unreadable")]
    Encoding(#[source] CanonicalError),
}

impl Thresholds {
    /// Two people in two roles: what profile trial asks.
    pub const TRIAL: Self = Self { approvals: 2, roles: 2, organisations: 1 };
}

impl Roster {
    /// A roster that acts from `not_before`.
    pub fn new(
        profile: Profile,
        serial: u64,
        not_before: Timestamp,
        thresholds: Thresholds,
        members: Vec<Member>,
    ) -> Result<Self, RosterError> {
        Unchecked { format: RosterFormat, profile, serial, not_before, thresholds, members }.try_into()
    }

    /// Founds profile trial: seven pseudonyms, each one person, all in one organisation. Its members stand in the
    /// order of their keys, which are random: nothing public tells a key for duress from another of the same person.
    pub fn found_trial(random: &dyn Random, not_before: Timestamp) -> Founding {
        const SEATS: [(&str, Role); 7] = [
            ("intake-1", Role::Intake),
            ("assessor-1", Role::Assessor),
            ("assessor-2", Role::Assessor),
            ("legal-1", Role::Legal),
            ("duty-officer-1", Role::DutyOfficer),
            ("authority-liaison-1", Role::AuthorityLiaison),
            ("reviewer-1", Role::Reviewer),
        ];
        let keys: Vec<OfficerKey> = SEATS
            .into_iter()
            .map(|(name, role)| {
                let pseudonym = name.parse().expect("the seats' names are pseudonyms");
                OfficerKey::generate(random, pseudonym, role)
            })
            .collect();
        let mut members: Vec<Member> = keys.iter().map(|key| seat(random, key)).collect();
        let signs = |key: &&OfficerKey| key.role().may_decide() || key.role() == Role::Reviewer;
        let second = |key: &OfficerKey| OfficerKey::generate(random, key.pseudonym().clone(), key.role());
        let duress: Vec<OfficerKey> = keys.iter().filter(signs).map(second).collect();
        for key in &duress {
            let first = members.iter().find(|member| member.pseudonym == *key.pseudonym()).cloned();
            members.extend(first.map(|first| Member { key: key.public(), ..first }));
        }
        members.sort_by_key(|member| *member.key.as_bytes());
        let roster = Self::new(Profile::Trial, 1, not_before, Thresholds::TRIAL, members)
            .expect("seven distinct people meet the trial's thresholds");
        Founding { roster, keys, duress }
    }

    /// Reads the canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RosterError> {
        canonical::parse(bytes).map_err(RosterError::Encoding)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(self).expect("a checked roster has a canonical form")
    }

    /// The digest that terms commit to.
    pub fn hash(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The operator's profile.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// Counts the rosters of one operator, from 1.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// From when it acts.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// How many must approve.
    pub fn thresholds(&self) -> Thresholds {
        self.0.thresholds
    }

    /// All members.
    pub fn members(&self) -> &[Member] {
        &self.0.members
    }

    /// Who acts under a pseudonym; the first key of several.
    pub fn named(&self, pseudonym: &Pseudonym) -> Option<&Member> {
        self.0.members.iter().find(|member| member.pseudonym == *pseudonym)
    }

    /// Who holds a key.
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.0.members.iter().find(|member| member.key == *key)
    }
}

fn seat(random: &dyn Random, key: &OfficerKey) -> Member {
    let person = Hasher::domain("wardmote/person/v1")
        .part(&random.bytes::<32>())
        .part(key.pseudonym().as_str().as_bytes())
        .finish();
    let (pseudonym, organisation) = (key.pseudonym().clone(), "trial".to_owned());
    Member { key: key.public(), pseudonym, role: key.role(), person, organisation }
}

impl TryFrom<Unchecked> for Roster {
    type Error = RosterError;

    fn try_from(roster: Unchecked) -> Result<Self, RosterError> {
        if roster.members.len() > MEMBERS_MAX {
            return Err(RosterError::TooMany { what: "members", max: MEMBERS_MAX });
        }
        check_people(&roster.members)?;
        check_thresholds(&roster)?;
        // Canonical numbers end at 53 bits; a serial beyond them has no bytes to sign.
        canonical::to_bytes(&roster).map_err(RosterError::Encoding)?;
        Ok(Self(roster))
    }
}

fn check_people(members: &[Member]) -> Result<(), RosterError> {
    let mut keys = BTreeSet::new();
    let mut roles = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut people = BTreeMap::new();
    for member in members {
        if member.organisation.len() > ORGANISATION_MAX {
            return Err(RosterError::TooMany { what: "bytes of an organisation", max: ORGANISATION_MAX });
        }
        if !keys.insert(*member.key.as_bytes()) {
            return Err(RosterError::KeyTwice(member.pseudonym.clone()));
        }
        if *names.entry(&member.pseudonym).or_insert(member.person) != member.person {
            return Err(RosterError::PseudonymTwice(member.pseudonym.clone()));
        }
        if *people.entry(member.person).or_insert(&member.pseudonym) != &member.pseudonym {
            return Err(RosterError::TwoPseudonyms(member.pseudonym.clone()));
        }
        if *roles.entry(member.person).or_insert(member.role) != member.role {
            return Err(RosterError::TwoRoles(member.pseudonym.clone()));
        }
    }
    Ok(())
}

fn check_thresholds(roster: &Unchecked) -> Result<(), RosterError> {
    let Thresholds { approvals, roles, organisations } = roster.thresholds;
    let least = roster.profile.thresholds();
    if approvals < least.approvals || roles < least.roles || organisations < least.organisations {
        return Err(RosterError::Thresholds { profile: roster.profile, least });
    }
    let deciding = || roster.members.iter().filter(|member| member.role.may_decide());
    let people: BTreeSet<_> = deciding().map(|member| member.person).collect();
    let held: BTreeSet<_> = deciding().map(|member| member.role).collect();
    let employers: BTreeSet<_> = deciding().map(|member| &member.organisation).collect();
    let enough = |have: usize, need: u32| usize::try_from(need).is_ok_and(|need| have >= need);
    if enough(people.len(), approvals) && enough(held.len(), roles) && enough(employers.len(), organisations)
    {
        Ok(())
    } else {
        Err(RosterError::Unreachable)
    }
}

impl From<Roster> for Unchecked {
    fn from(roster: Roster) -> Self {
        roster.0
    }
}
