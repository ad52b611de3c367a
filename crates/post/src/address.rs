//! One mail address, in the form that every mail server takes.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use vocabulary::Hostname;

/// Longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const BYTES_MAX: usize = 254;
/// What an unquoted local part holds besides letters and digits (`atext`, RFC 5322 §3.2.3), and the dot.
const SIGNS: &[u8] = b"!#$%&'*+/=?^_`{|}~-.";

/// `local@domain`: a local part without quotes and a host name, in ASCII. The domain is in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress(String);

/// The text is no mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mail address; write it as desk@example.org")]
pub struct MailAddressError(String);

impl MailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, MailAddressError> {
        let refuse = || MailAddressError(text.chars().take(80).collect());
        let (local, domain) = text.rsplit_once('@').ok_or_else(refuse)?;
        let domain = Hostname::parse(domain).ok().filter(|host| host.ip().is_none()).ok_or_else(refuse)?;
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        let plain = local.bytes().all(|byte| byte.is_ascii_alphanumeric() || SIGNS.contains(&byte));
        if local.is_empty() || local.len() > LOCAL_BYTES_MAX || dots || !plain || text.len() > BYTES_MAX {
            return Err(refuse());
        }
        Ok(Self(format!("{local}@{}", domain.as_str())))
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MailAddress {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MailAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_with_its_domain_in_lower_case() {
        for (text, kept) in [
            ("desk@example.org", "desk@example.org"),
            ("First.Last+tag@Police.Example", "First.Last+tag@police.example"),
            ("a'b@x.test", "a'b@x.test"),
        ] {
            let address: MailAddress = text.parse().expect(text);
            assert_eq!(address.as_str(), kept);
        }
        assert_eq!("a@B.test".parse::<MailAddress>().expect("fine").domain(), "b.test");
    }

    #[test]
    fn what_could_become_a_second_command_or_field_is_no_address() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "desk",
            "@example.org",
            "desk@",
            "desk@127.0.0.1",
            "desk@[127.0.0.1]",
            "a b@example.org",
            "a@b@example.org",
            "\"a b\"@example.org",
            "desk@example.org\r\nRCPT TO:<other@example.org>",
            "<desk@example.org>",
            "desk@example.org>",
            ".desk@example.org",
            "de..sk@example.org",
            "désk@example.org",
            long.as_str(),
        ] {
            assert!(text.parse::<MailAddress>().is_err(), "{text}");
        }
    }
}
