//! The keys of challenges: keys of an epoch, derived from one secret. Edges that share it accept each other's tokens.
//!
//! HKDF with SHA-256 (RFC 5869); the epoch and the use stand in `info`. Keys of the present, the last and
//! the next epoch are kept, so that edges whose clocks differ accept each other's tokens, and no token can
//! make an edge derive keys.

use aws_lc_rs::{aead, hkdf, hmac};
use vocabulary::Timestamp;
use zeroize::Zeroizing;

/// How long an epoch lasts, in seconds.
pub const EPOCH_SECONDS: i64 = 6 * 3600;

/// The secret that keys are derived from; erased when dropped.
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

/// The keys of one epoch.
pub(super) struct EpochKeys {
    pub(super) epoch: u32,
    pub(super) issue: hmac::Key,
    pub(super) clearance: aead::LessSafeKey,
    pub(super) warning: hmac::Key,
}

/// The keys in use.
pub struct Keyring {
    secret: ChallengeSecret,
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
    pub fn new(secret: ChallengeSecret, now: Timestamp) -> Self {
        let epoch = epoch_at(now);
        let keys = around(epoch).map(|epoch| derived(&secret, epoch));
        Self { secret, keys }
    }

    /// Moves on to the epoch of an instant; to be called now and then. Cheap where nothing has changed.
    pub fn roll(&mut self, now: Timestamp) {
        let epoch = epoch_at(now);
        if self.keys[1].epoch != epoch {
            self.keys = around(epoch).map(|epoch| derived(&self.secret, epoch));
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
