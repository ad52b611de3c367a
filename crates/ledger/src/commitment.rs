//! Salted commitments: confidential fields enter the log as digests that can be opened one by one.
//!
//! A field's commitment is `SHA-256("wardmote/commitment/v1" ‖ 0 ‖ salt ‖ canonical([name, value]))`.
//! The entry carries one root over all of them, sorted, so their order tells nothing. Destroying a salt
//! makes its commitment say nothing while every proof stays valid.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{Digest, Hasher, Random};

/// Most fields under one root.
pub const FIELDS_MAX: usize = 1_024;

/// A confidential field with the salt that opens it. Keep it in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field(Digest, String, Value);

/// Confidential fields under one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    fields: Vec<Field>,
}

/// All commitments under a root, with some of them opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// Every commitment, strictly sorted.
    pub commitments: Vec<Digest>,
    /// The opened fields, as `[salt, name, value]`.
    pub fields: Vec<Field>,
}

/// Why fields cannot be sealed, or a disclosure does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitmentError {
    /// Two fields of one name.
    #[error("the field {0:?} is there twice")]
    SameName(String),
    /// Over the bound.
    #[error("{0} fields; at most {FIELDS_MAX} fit under one root")]
    TooMany(usize),
    /// A value without canonical form.
    #[error("the field {name:?} has no canonical form")]
    Encoding {
        /// Which field.
        name: String,
        /// Why.
        source: CanonicalError,
    },
    /// The commitments are not those under the root.
    #[error("these commitments do not belong to the entry's root")]
    Root,
    /// An opened field that was never committed to, or was changed.
    #[error("the field {0:?} was not committed to with this value")]
    NotCommitted(String),
}

impl Field {
    /// The name.
    pub fn name(&self) -> &str {
        &self.1
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.2
    }

    fn commitment(&self) -> Result<Digest, CommitmentError> {
        let encoding = |source| CommitmentError::Encoding { name: self.1.clone(), source };
        let pair = canonical::to_bytes(&(&self.1, &self.2)).map_err(encoding)?;
        Ok(Hasher::domain("wardmote/commitment/v1").part(self.0.as_bytes()).part(&pair).finish())
    }
}

impl Sealed {
    /// Seals fields, each under a salt of its own.
    pub fn new(
        random: &dyn Random,
        fields: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, CommitmentError> {
        let salted = |(name, value)| Field(Digest::from_bytes(random.bytes()), name, value);
        Self::from_fields(fields.into_iter().map(salted).collect())
    }

    /// Takes fields back out of the vault.
    pub fn from_fields(mut fields: Vec<Field>) -> Result<Self, CommitmentError> {
        if fields.len() > FIELDS_MAX {
            return Err(CommitmentError::TooMany(fields.len()));
        }
        fields.sort_by(|a, b| a.1.cmp(&b.1));
        if let Some(pair) = fields.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return Err(CommitmentError::SameName(pair[0].1.clone()));
        }
        let sealed = Self { fields };
        sealed.commitments()?;
        Ok(sealed)
    }

    /// The fields with their salts, sorted by name: what the vault keeps.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What the entry's body carries.
    pub fn root(&self) -> Result<Digest, CommitmentError> {
        Ok(root(&self.commitments()?))
    }

    /// Opens the named fields and no others; names that are not there are passed over.
    pub fn disclose(&self, names: &[&str]) -> Result<Disclosure, CommitmentError> {
        let named = |field: &&Field| names.contains(&field.name());
        Ok(Disclosure {
            commitments: self.commitments()?,
            fields: self.fields.iter().filter(named).cloned().collect(),
        })
    }

    fn commitments(&self) -> Result<Vec<Digest>, CommitmentError> {
        let mut all = self.fields.iter().map(Field::commitment).collect::<Result<Vec<_>, _>>()?;
        all.sort_unstable();
        Ok(all)
    }
}

impl Disclosure {
    /// Checks the opened fields against the root that the log holds, and hands them out.
    pub fn verify(&self, logged: &Digest) -> Result<&[Field], CommitmentError> {
        if self.commitments.len() > FIELDS_MAX || self.fields.len() > self.commitments.len() {
            return Err(CommitmentError::TooMany(self.fields.len().max(self.commitments.len())));
        }
        let sorted = self.commitments.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || root(&self.commitments) != *logged {
            return Err(CommitmentError::Root);
        }
        for field in &self.fields {
            if self.commitments.binary_search(&field.commitment()?).is_err() {
                return Err(CommitmentError::NotCommitted(field.1.clone()));
            }
        }
        Ok(&self.fields)
    }
}

fn root(sorted: &[Digest]) -> Digest {
    let start = Hasher::domain("wardmote/commitments/v1");
    sorted.iter().fold(start, |hasher, commitment| hasher.part(commitment.as_bytes())).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vocabulary::SeededRandom;

    fn sealed(seed: u64) -> Sealed {
        let fields = [("reporter", json!("a neighbour")), ("place", json!("x")), ("count", json!(3))];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Sealed::new(&SeededRandom::new(seed), fields).expect("sealed")
    }

    #[test]
    fn two_fields_disclosed_verify_and_the_others_stay_hidden() {
        let sealed = sealed(1);
        let logged = sealed.root().expect("root");
        let disclosure = sealed.disclose(&["count", "place", "absent"]).expect("disclosure");
        let names: Vec<_> = disclosure.verify(&logged).expect("holds").iter().map(Field::name).collect();
        assert_eq!(names, ["count", "place"]);
        let text = serde_json::to_string(&disclosure).expect("text");
        assert!(!text.contains("neighbour") && !text.contains("reporter"), "{text}");
        let again: Disclosure = serde_json::from_str(&text).expect("read back");
        assert!(again.verify(&logged).is_ok());
    }

    #[test]
    fn the_same_fields_under_other_salts_look_different() {
        assert_ne!(sealed(1).root().expect("root"), sealed(2).root().expect("root"));
        let back = Sealed::from_fields(sealed(1).fields().to_vec()).expect("from the vault");
        assert_eq!(back.root().expect("root"), sealed(1).root().expect("root"));
    }

    #[test]
    fn changed_disclosures_are_refused() {
        let sealed = sealed(1);
        let logged = sealed.root().expect("root");
        let good = sealed.disclose(&["count"]).expect("disclosure");
        let change = |change: fn(&mut Disclosure)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed.verify(&logged).map(<[Field]>::len)
        };
        use CommitmentError::*;
        assert!(matches!(change(|d| d.fields[0].2 = json!(4)), Err(NotCommitted(_))));
        assert!(matches!(change(|d| d.fields[0].1 = "counts".into()), Err(NotCommitted(_))));
        assert!(matches!(change(|d| d.fields[0].0 = Digest::of(b"salt")), Err(NotCommitted(_))));
        assert!(matches!(change(|d| d.commitments.swap(0, 1)), Err(Root)));
        assert!(matches!(change(|d| _ = d.commitments.pop()), Err(Root)));
        assert!(matches!(good.verify(&Digest::of(b"another root")), Err(Root)));
    }

    #[test]
    fn names_are_unique_and_values_canonical() {
        let random = SeededRandom::new(1);
        let twice = [("a".to_owned(), json!(1)), ("a".to_owned(), json!(2))];
        assert!(matches!(Sealed::new(&random, twice), Err(CommitmentError::SameName(_))));
        let fraction = [("a".to_owned(), json!(1.5))];
        assert!(matches!(Sealed::new(&random, fraction), Err(CommitmentError::Encoding { .. })));
    }
}
