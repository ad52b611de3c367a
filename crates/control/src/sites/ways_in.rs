//! Which settings of the ways into a site somebody has seen, so that nobody overwrites what they have not.

use serde_json::{Value, json};
use snapshot::{Front, Site};
use std::fmt;
use std::str::FromStr;
use vocabulary::Digest;

/// The keys, as a sites file names them.
const KEYS: [&str; 8] = [
    "redirect_https",
    "hsts",
    "tls_min",
    "client_certificates",
    "maintenance",
    "bypass",
    "trace",
    "origin_host",
];
/// Hex digits that stand for one key.
const DIGITS: usize = 16;

/// A digest of each setting, in the order of the keys; its text is 16 hex digits for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaysInVersion([u64; KEYS.len()]);

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version of the ways in is 128 hex digits, as they were read with the settings")]
pub(crate) struct NoVersion;

impl WaysInVersion {
    /// Of a site as it is.
    pub(crate) fn of(site: &Site) -> Self {
        let Front { redirect_https, hsts, tls_min, client_certificates, maintenance, bypass, trace } =
            &site.front;
        Self(
            [
                json!(redirect_https),
                json!(hsts),
                json!(tls_min),
                json!(client_certificates),
                json!(maintenance),
                json!(bypass),
                json!(trace),
                json!(site.origin_policy.host),
            ]
            .map(|setting| short(&setting)),
        )
    }

    /// The keys that have another value in the other version.
    pub(crate) fn differing(self, other: Self) -> Vec<&'static str> {
        let pairs = self.0.into_iter().zip(other.0);
        KEYS.into_iter().zip(pairs).filter(|(_, (own, other))| own != other).map(|(key, _)| key).collect()
    }
}

fn short(setting: &Value) -> u64 {
    let digest = Digest::of(setting.to_string().as_bytes());
    digest.as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl fmt::Display for WaysInVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|setting| write!(f, "{setting:016x}"))
    }
}

impl FromStr for WaysInVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        if text.len() != KEYS.len() * DIGITS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoVersion);
        }
        let mut settings = [0; KEYS.len()];
        for (place, setting) in settings.iter_mut().enumerate() {
            let digits = &text[place * DIGITS..][..DIGITS];
            *setting = u64::from_str_radix(digits, 16).map_err(|_| NoVersion)?;
        }
        Ok(Self(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_back_and_names_the_keys_that_differ() {
        let (old, mut new) = (WaysInVersion([7; KEYS.len()]), WaysInVersion([7; KEYS.len()]));
        assert_eq!((old.to_string().parse(), old.differing(new)), (Ok(old), vec![]));
        (new.0[1], new.0[4]) = (8, 0);
        assert_eq!(old.differing(new), ["hsts", "maintenance"]);
        for text in ["", "7", &"g".repeat(128), &"é".repeat(64), &old.to_string()[1..]] {
            assert_eq!(text.parse::<WaysInVersion>(), Err(NoVersion), "{text}");
        }
    }
}
