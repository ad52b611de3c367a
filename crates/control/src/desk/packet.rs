//! Packets of referrals: made by us, checked by the guard, sealed under their digest, kept for ever.

use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use casework::{Addressee, Case, Packet, Text};
use records::DocumentName;
use vocabulary::{Digest, ReferralId};

/// The kind of documents that packets are kept as.
const KIND: &str = "packet";

/// A referral whose packet is to be made.
pub(crate) struct Sealing {
    /// The referral's id, not in the case yet.
    pub(crate) referral: ReferralId,
    /// For whom.
    pub(crate) addressee: Addressee,
    /// The authority's name.
    pub(crate) authority: Text,
}

/// Makes a referral's packet from the case as it is, and keeps it. One that repeats words from the vault of reports is
/// refused: nothing of it leaves.
pub(crate) async fn seal_packet(plane: &Plane, case: &Case, asked: Sealing) -> Result<Digest, Problem> {
    let Sealing { referral, addressee, authority } = asked;
    let now = plane.clock.now();
    let packet = Packet::of(case, referral, (addressee, authority), plane.contact(), now);
    let packet = packet.map_err(|error| Problem::refused("nothing-to-refer", error))?;
    plane.intake.check(&packet.to_text()).map_err(|_| Problem::new(Reason::VaultText))?;
    let bytes = packet.to_bytes().map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    let name = DocumentName::new(KIND, referral.to_string());
    Ok(plane.records.put_document(&name, &bytes, now).await?)
}

/// The packet of a referral, unless it was made elsewhere; with its digest.
pub(crate) async fn packet_of(
    plane: &Plane,
    referral: ReferralId,
) -> Result<Option<(Packet, Digest)>, Problem> {
    let kept = plane.records.document(&DocumentName::new(KIND, referral.to_string())).await?;
    let Some(kept) = kept else { return Ok(None) };
    let packet = Packet::parse(&kept.bytes).map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    Ok(Some((packet, kept.sha256)))
}
