//! The links of letters: an id and a seal over it that only this deployment can make. Nothing is kept of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use vault::Vault;
use vocabulary::SubscriptionId;

const ID: usize = 16;
const SEAL: usize = 16;

/// What a link is for; one for the one purpose is none for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkTo {
    /// Confirms a subscription.
    Confirm,
    /// Ends it.
    End,
}

impl LinkTo {
    fn purpose(self) -> &'static str {
        match self {
            Self::Confirm => "subscription-confirm",
            Self::End => "subscription-end",
        }
    }
}

/// The last part of a link's address.
pub(super) fn write(vault: &Vault, to: LinkTo, id: SubscriptionId) -> String {
    let seal = vault.derive(to.purpose(), id.as_bytes());
    URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &seal[..SEAL]].concat())
}

/// What a link is about, if it is one of ours.
pub(super) fn read(vault: &Vault, to: LinkTo, text: &str) -> Option<SubscriptionId> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == ID + SEAL)?;
    let (id, seal) = bytes.split_at(ID);
    let wanted = vault.derive(to.purpose(), id);
    if !bool::from(wanted[..SEAL].ct_eq(seal)) {
        return None;
    }
    Some(SubscriptionId::from_bytes(id.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    #[test]
    fn a_link_works_for_its_purpose_alone_and_with_no_character_changed() {
        let vault = |seed| {
            let text = Vault::fresh_key(&SeededRandom::new(seed)).expect("a key");
            Vault::open(&text).expect("a vault")
        };
        let (ours, other) = (vault(1), vault(2));
        let id = SubscriptionId::from_bytes([7; 16]);
        let link = write(&ours, LinkTo::Confirm, id);
        assert_eq!(read(&ours, LinkTo::Confirm, &link), Some(id));
        assert_eq!(read(&ours, LinkTo::End, &link), None);
        assert_eq!(read(&other, LinkTo::Confirm, &link), None);
        for place in 0..link.len() {
            let mut changed = link.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("text");
            assert_eq!(read(&ours, LinkTo::Confirm, &changed), None, "{place}");
            assert_eq!(read(&ours, LinkTo::Confirm, &link[..place]), None, "{place}");
        }
    }
}
