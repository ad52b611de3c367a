//! The public record by mail: asked for at a form, confirmed from the mailbox, ended by one click (RFC 8058).
//!
//! Owns the links, what becomes of an asking, and when subscribers are told what is new. The states are
//! [`post::Subscription`]'s; words and pages are those of the record.
//!
//! Invariants: what the form answers, and what it writes meanwhile, is the same whether an address is known or not; an
//! address stands in no table, queue, log, alarm or answer: the queue holds an alias, and address and links are put in
//! when a letter leaves; ending destroys the address's key before anything else.

mod carried;
mod letters;
mod links;
mod rounds;

pub(crate) use carried::{Addressed, addressed, discreet, note, settled};
pub(crate) use rounds::reconcile;

use crate::intake::Source;
use crate::pages::languages::Lang;
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use links::LinkTo;
use post::{MailAddress, SealedAddress, Stage, Subscription, SubscriptionState};
use records::{PutError, StoreError};
use reports::{ByteString, Sealed, Tries, Verdict};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use vault::{Slot, VaultError, WrappedKey};
use vocabulary::{Digest, ReportId, SubscriptionId, Timestamp};

/// All addresses are sealed at this length, in bytes, so that none is known by it: the longest there is.
const PADDED: usize = 254;
/// How often a change is tried again that somebody else came before.
const ATTEMPTS: usize = 5;

/// How often networks asked lately; in memory alone.
#[derive(Debug, Default)]
pub(crate) struct Askers(Mutex<Tries<Source>>);

/// Why an asking was not taken. None of these depends on what is kept of the address.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Too many came from that network; after this long.
    Slow(Duration),
    /// Too many wait for their letter or have not used its link.
    Full,
    /// The records failed.
    Problem(Problem),
}

/// What a link did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// What it is for.
    Done,
    /// It is none of ours, was used up, or came too late.
    Gone,
    /// There are as many subscribers as there may be.
    Full,
}

impl Askers {
    /// Counts an asking of a network, if it may ask now.
    fn admit(&self, source: Source, now: Timestamp) -> Result<(), NotTaken> {
        // Whole after each statement.
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Verdict::Wait(wait) = tries.ask(&source, now) {
            return Err(NotTaken::Slow(wait));
        }
        tries.wrong(source, now);
        Ok(())
    }
}

/// Whether this record sends mail at all.
pub(crate) fn is_offered(plane: &Plane) -> bool {
    plane.post.carrier.is_some()
}

/// Takes an asking. When this returns, it is on disk. It looks at nothing that is kept of the address: whether a letter
/// follows, and which, is found out later, so that neither answer nor time tells who is subscribed.
pub(crate) async fn ask(
    plane: &Plane,
    source: Source,
    lang: Lang,
    address: &MailAddress,
) -> Result<(), NotTaken> {
    plane.subscribing.admit(source, plane.clock.now())?;
    let id = SubscriptionId::random(&*plane.random);
    let vault = plane.intake.vault();
    let (key, wrapped) = vault.new_record(key_of(id)).map_err(cipher)?;
    let mut padded = address.as_str().as_bytes().to_vec();
    padded.resize(PADDED, 0);
    let Sealed(ByteString(bytes)) = key.seal(Slot::Contents, &padded).map_err(cipher)?;
    let sealed = SealedAddress(STANDARD.encode(bytes));
    // Letters of either case go to one mailbox with every mail server of today.
    let digest = vault.derive("subscriber", address.as_str().to_ascii_lowercase().as_bytes());
    let asked = Subscription::asked(id, Digest::from_bytes(*digest), lang.code(), sealed, plane.clock.now());
    // The key first: one without a subscription is harmless, a subscription without its key is lost.
    plane.records.put_report_key(key_of(id), &wrapped.0).await.map_err(store)?;
    match plane.records.put_subscription(&asked, 0).await {
        Ok(_) => {
            plane.wake.notify_one();
            Ok(())
        }
        Err(PutError::Store(StoreError::TooLarge { .. })) => {
            plane.records.destroy_report_key(key_of(id)).await.map_err(store)?;
            Err(NotTaken::Full)
        }
        Err(error) => Err(NotTaken::Problem(error.into())),
    }
}

/// Whether a link to confirm is one of ours; says nothing of what it opens.
pub(crate) fn may_confirm(plane: &Plane, token: &str) -> bool {
    links::read(plane.intake.vault(), LinkTo::Confirm, token).is_some()
}

/// Whether a link to end a subscription is one of ours; says nothing of whether it stands.
pub(crate) fn may_end(plane: &Plane, token: &str) -> bool {
    links::read(plane.intake.vault(), LinkTo::End, token).is_some()
}

/// Confirms a subscription by the link that was mailed. Once more is the same.
pub(crate) async fn confirm(plane: &Plane, token: &str) -> Result<Followed, Problem> {
    let Some(id) = links::read(plane.intake.vault(), LinkTo::Confirm, token) else {
        return Ok(Followed::Gone);
    };
    for _ in 0..ATTEMPTS {
        let Some(held) = plane.records.subscription(id).await? else { return Ok(Followed::Gone) };
        let now = plane.clock.now();
        let mailed = match &held.value.state {
            SubscriptionState::Confirmed { .. } => return Ok(Followed::Done),
            SubscriptionState::Mailed { .. } => Ok(held.value.clone()),
            // Its letter went out, and that it did was not kept.
            SubscriptionState::Asked { .. } => held.value.clone().mailed(now),
        };
        let told = plane.sequencer.published().map_or(0, |published| published.size);
        let Ok(confirmed) = mailed.and_then(|mailed| mailed.confirm(told, now)) else {
            return Ok(Followed::Gone);
        };
        let all = plane.records.subscriptions_of(&confirmed.address).await?;
        if all.iter().any(|other| other.value.stage() == Stage::Confirmed) {
            end(plane, id).await?;
            return Ok(Followed::Done);
        }
        match plane.records.put_subscription(&confirmed, held.version).await {
            Ok(_) => return Ok(Followed::Done),
            Err(PutError::Conflict { .. }) => {}
            Err(PutError::Store(StoreError::TooLarge { .. })) => return Ok(Followed::Full),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// Ends a subscription by the link that every letter has. Once more is the same.
pub(crate) async fn unsubscribe(plane: &Plane, token: &str) -> Result<Followed, Problem> {
    match links::read(plane.intake.vault(), LinkTo::End, token) {
        Some(id) => end(plane, id).await.map(|()| Followed::Done).map_err(Problem::from),
        None => Ok(Followed::Gone),
    }
}

/// The address goes with its key, from every copy of the records.
async fn end(plane: &Plane, id: SubscriptionId) -> Result<(), StoreError> {
    plane.records.destroy_report_key(key_of(id)).await?;
    plane.records.end_subscription(id).await?;
    Ok(())
}

/// To whom letters go; none once the key was destroyed.
async fn address_of(plane: &Plane, held: &Subscription) -> Result<Option<MailAddress>, StoreError> {
    let Some(wrapped) = plane.records.report_key(key_of(held.id)).await? else { return Ok(None) };
    let secret = plane.intake.vault().open_record(key_of(held.id), &WrappedKey(wrapped));
    let bytes = STANDARD.decode(&held.sealed.0).ok();
    let (Ok(secret), Some(bytes)) = (secret, bytes) else { return Ok(None) };
    let Ok(padded) = secret.open(Slot::Contents, &Sealed(ByteString(bytes))) else { return Ok(None) };
    let text = std::str::from_utf8(&padded).ok().map(|text| text.trim_end_matches('\0'));
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Keys of reports, of entries and of subscriptions are one kind.
fn key_of(id: SubscriptionId) -> ReportId {
    ReportId::from_bytes(*id.as_bytes())
}

/// The vault's failures never say what they were about.
fn cipher(error: VaultError) -> NotTaken {
    tracing::error!(%error, "the vault failed over a subscription");
    NotTaken::Problem(Problem::new(Reason::Broken))
}

fn store(error: StoreError) -> NotTaken {
    NotTaken::Problem(error.into())
}
