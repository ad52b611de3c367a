//! The keys of challenges: keys of an epoch, derived from the secret of that epoch. Edges that share the secrets accept
//! each other's tokens.
//!
//! HKDF with SHA-256 (RFC 5869); the epoch and the use stand in `info`. Keys of the present, the last and
//! the next epoch are kept, so that edges whose clocks differ accept each other's tokens, and no token can
//! make an edge derive keys.

use aws_lc_rs::{aead, hkdf, hmac};
use std::fmt::Write as _;
use vocabulary::Timestamp;
use zeroize::Zeroizing;

/// How long an epoch lasts, in seconds.
pub const EPOCH_SECONDS: i64 = 6 * 3600;

/// The secret that keys are derived from; erased when dropped.
#[derive(Clone)]
pub struct ChallengeSecret(Zeroizing<[u8; 32]>);

impl ChallengeSecret {
    /// From 32 bytes that are as good as random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh one.
    pub fn fresh(random: &dyn vocabulary::Random) -> Self {
        Self::new(random.bytes())
    }
}

impl std::fmt::Debug for ChallengeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChallengeSecret")
    }
}

/// The secrets in use, each from an epoch of its own on: what was sealed under one opens for as long as its epoch does.
#[derive(Debug, Clone)]
pub struct ChallengeSecrets(Vec<(u32, ChallengeSecret)>);

/// Secrets that are kept: the last one serves until the epoch of the next begins.
const SECRETS_MAX: usize = 3;
/// How many epochs a secret serves before another is made: a week.
const EPOCHS_EACH: u32 = 28;

impl From<ChallengeSecret> for ChallengeSecrets {
    /// One for all times.
    fn from(secret: ChallengeSecret) -> Self {
        Self(vec![(0, secret)])
    }
}

impl ChallengeSecrets {
    /// From their text: a line for each, the epoch that it serves from and 64 hexadecimal digits. None where it is
    /// anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets: Option<Vec<_>> = text.lines().map(parsed).collect();
        let secrets = secrets.filter(|secrets| (1..=SECRETS_MAX).contains(&secrets.len()))?;
        secrets.is_sorted_by(|a, b| a.0 < b.0).then_some(Self(secrets))
    }

    /// The text that [`Self::parse`] reads; erased when dropped.
    pub fn text(&self) -> Zeroizing<String> {
        // Reserved at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 80));
        for (from, secret) in &self.0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{from} ");
            for byte in secret.0.iter() {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    /// Has another one serve from the next epoch on, where the latest is a week old; whether anything has changed.
    pub fn renew(&mut self, random: &dyn vocabulary::Random, now: Timestamp) -> bool {
        let epoch = epoch_at(now);
        let was_ahead = self.come_back(epoch);
        let is_due = self.0.last().is_none_or(|(from, _)| from.saturating_add(EPOCHS_EACH) <= epoch);
        if is_due {
            self.0.push((epoch.saturating_add(1), ChallengeSecret::fresh(random)));
            let spare = self.0.len().saturating_sub(SECRETS_MAX);
            self.0.drain(..spare);
        }
        is_due || was_ahead
    }

    /// Lets go of secrets for times more than a secret's life ahead: a clock that was wrong once made them, and until that
    /// time had come no other would be. The first one, where there is none besides, has served meanwhile and serves on.
    fn come_back(&mut self, epoch: u32) -> bool {
        let latest = epoch.saturating_add(EPOCHS_EACH);
        let is_ahead = |from: u32| from > latest;
        if !self.0.iter().any(|(from, _)| is_ahead(*from)) {
            return false;
        }
        let first = (epoch, self.0[0].1.clone());
        self.0.retain(|(from, _)| !is_ahead(*from));
        if self.0.is_empty() {
            self.0.push(first);
        }
        true
    }

    fn of(&self, epoch: u32) -> &ChallengeSecret {
        let serving = self.0.iter().rev().find(|(from, _)| *from <= epoch);
        // There is always one.
        &serving.unwrap_or(&self.0[0]).1
    }
}

fn parsed(line: &str) -> Option<(u32, ChallengeSecret)> {
    let (from, digits) = line.split_once(' ')?;
    let mut bytes = Zeroizing::new([0; 32]);
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some((from.parse().ok()?, ChallengeSecret(bytes)))
}

/// The keys of one epoch.
pub(super) struct EpochKeys {
    pub(super) epoch: u32,
    pub(super) issue: hmac::Key,
    pub(super) clearance: aead::LessSafeKey,
    pub(super) warning: hmac::Key,
}

/// The keys in use.
pub struct Keyring {
    secrets: ChallengeSecrets,
    /// The last, the present and the next epoch.
    keys: [EpochKeys; 3],
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring(epoch {})", self.keys[1].epoch)
    }
}

impl Keyring {
    /// The keys around an instant.
    pub fn new(secrets: impl Into<ChallengeSecrets>, now: Timestamp) -> Self {
        let (epoch, secrets) = (epoch_at(now), secrets.into());
        let keys = around(epoch).map(|epoch| derived(secrets.of(epoch), epoch));
        Self { secrets, keys }
    }

    /// Moves on to the epoch of an instant; to be called now and then. Cheap where nothing has changed.
    pub fn roll(&mut self, now: Timestamp) {
        let epoch = epoch_at(now);
        if self.keys[1].epoch != epoch {
            self.keys = around(epoch).map(|epoch| derived(self.secrets.of(epoch), epoch));
        }
    }

    pub(super) fn present(&self) -> &EpochKeys {
        &self.keys[1]
    }

    pub(super) fn of(&self, epoch: u32) -> Option<&EpochKeys> {
        self.keys.iter().find(|keys| keys.epoch == epoch)
    }
}

fn epoch_at(now: Timestamp) -> u32 {
    u32::try_from(now.as_secs() / EPOCH_SECONDS).unwrap_or(u32::MAX - 1)
}

fn around(epoch: u32) -> [u32; 3] {
    [epoch.saturating_sub(1), epoch, epoch.saturating_add(1)]
}

fn derived(secret: &ChallengeSecret, epoch: u32) -> EpochKeys {
    let number = epoch.to_be_bytes();
    let key = |salt: &[u8]| -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&*secret.0);
        // Cannot fail: 32 bytes are one block of the hash, far below HKDF's 255.
        let filled = prk.expand(&[&number], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *out));
        debug_assert!(filled.is_ok());
        out
    };
    let issue = hmac::Key::new(hmac::HMAC_SHA256, &*key(b"wardmote challenge issue 1"));
    let warning = hmac::Key::new(hmac::HMAC_SHA256, &*key(b"wardmote warning seen 1"));
    EpochKeys { epoch, issue, clearance: sealing(&key(b"wardmote challenge clearance 1")), warning }
}

#[expect(clippy::expect_used, reason = "32 bytes are the length of a key of AES-256-GCM")]
fn sealing(key: &[u8; 32]) -> aead::LessSafeKey {
    aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, key).expect("a key of the right length"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    fn at(epoch: i64) -> Timestamp {
        Timestamp::from_secs(epoch * EPOCH_SECONDS)
    }

    fn issuing(secrets: &str, now: Timestamp, epoch: u32) -> Vec<u8> {
        let ring = Keyring::new(ChallengeSecrets::parse(secrets).expect("secrets"), now);
        let key = &ring.of(epoch).expect("a key").issue;
        hmac::sign(key, b"x").as_ref().to_vec()
    }

    #[test]
    fn a_new_secret_serves_from_the_next_epoch_on_and_what_came_before_still_opens() {
        let random = SeededRandom::new(5);
        let mut secrets = ChallengeSecrets::parse(&format!("1000 {}\n", "ab".repeat(32))).expect("secrets");
        assert!(!secrets.renew(&random, at(1_027)));
        let before = secrets.text().to_string();
        assert!(secrets.renew(&random, at(1_028)) && !secrets.renew(&random, at(1_028)));
        let after = secrets.text().to_string();
        for (now, epoch, same) in [(1_028, 1_028, true), (1_029, 1_028, true), (1_028, 1_029, false)] {
            let kept = issuing(&before, at(now), epoch) == issuing(&after, at(now), epoch);
            assert_eq!(kept, same, "{epoch} at {now}");
        }
        for round in 1..10 {
            assert!(secrets.renew(&random, at(1_028 + round * 29)));
        }
        assert_eq!(secrets.text().lines().count(), SECRETS_MAX);
    }

    #[test]
    fn a_clock_that_was_ahead_once_does_not_keep_a_secret_for_ever() {
        let random = SeededRandom::new(6);
        let parse = |text: &str| ChallengeSecrets::parse(text).expect("secrets");
        let lines = |secrets: &ChallengeSecrets| -> Vec<u32> {
            secrets.text().lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
        };
        let [old, far] = ["ab", "cd"].map(|byte| byte.repeat(32));
        // The one of before the mistake is old enough by now.
        let mut secrets = parse(&format!("1000 {old}\n90000 {far}\n"));
        assert!(secrets.renew(&random, at(1_030)));
        assert_eq!(lines(&secrets), [1_000, 1_031]);
        assert!(secrets.renew(&random, at(1_059)));
        // There was none before.
        let mut secrets = parse(&format!("90000 {far}\n"));
        let sealed = issuing(&secrets.text(), at(1_030), 1_030);
        assert!(secrets.renew(&random, at(1_030)));
        assert_eq!(lines(&secrets), [1_030]);
        assert_eq!(issuing(&secrets.text(), at(1_030), 1_030), sealed, "what was given out under it counts");
        // As far ahead as clocks and operators may be.
        let mut secrets = parse(&format!("1000 {old}\n1050 {far}\n"));
        assert!(!secrets.renew(&random, at(1_030)));
    }

    #[test]
    fn a_text_that_is_anything_else_is_refused() {
        let good = format!("7 {}\n", "0f".repeat(32));
        assert_eq!(ChallengeSecrets::parse(&good).expect("secrets").text().as_str(), good);
        let many = (0..4).map(|from| format!("{from} {}\n", "0f".repeat(32))).collect::<String>();
        let strange = [good.replace('f', "\u{e4}"), good.replace("7 ", "-7 "), many, format!("{good}{good}")];
        for text in ["", "7", "7 0f"].map(str::to_owned).into_iter().chain(strange) {
            assert!(ChallengeSecrets::parse(&text).is_none(), "{text:?}");
        }
        assert!(!format!("{:?}", ChallengeSecrets::parse(&good)).contains("0f"));
    }
}
