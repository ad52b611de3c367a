//! Takes the mails that are due to the mail server, a few at a time.

use super::Post;
use crate::plane::Plane;
use crate::subscriptions::{self, Addressed};
use post::{Failure, Letter, Mail, MailState};
use records::{Page, PutError, StoreError, Versioned};
use smtp::Carrier;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Mails that are on their way at the same time.
const AT_ONCE: u32 = 4;
/// Longest time between two looks at the queue.
const LOOK: Duration = Duration::from_secs(1);
/// So many tries may fail before somebody is told: the first ones are short, for greylisting.
const TRIES_UNTOLD: u32 = 4;
/// Letters that were given up.
const DEAD: &str = "mail-dead";
/// Letters that the mail server does not take for now.
const WAITS: &str = "mail-waits";
/// Letters wait, and there is no mail server.
const NOT_SET_UP: &str = "mail-not-set-up";
/// What the alarms are about.
const QUEUE: &str = "outgoing mail";

/// Runs until stopped. A mail that is on its way then is waited for: its answer decides whether it goes again.
pub(crate) async fn carry_out(plane: Arc<Plane>, stop: CancellationToken) {
    loop {
        let ended = round(&plane).await;
        match &ended {
            Ok(_) => plane.alarms.clear("reconciler-failing", "mail"),
            Err(error) => plane.alarms.raise("reconciler-failing", "mail", error, plane.clock.now()),
        }
        if matches!(ended, Ok(More::AtOnce)) && !stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = plane.post.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Whether another round should follow without a wait.
enum More {
    AtOnce,
    Later,
}

async fn round(plane: &Arc<Plane>) -> Result<More, StoreError> {
    tell_of_dead(plane).await?;
    let due = plane.records.due_mails(plane.clock.now(), AT_ONCE).await?;
    if due.is_empty() {
        plane.alarms.clear(NOT_SET_UP, QUEUE);
        return Ok(More::Later);
    }
    if plane.post.carrier.is_none() {
        let text =
            format!("{} or more letters wait; set mail.smtp, or tell people in another way", due.len());
        plane.alarms.raise(NOT_SET_UP, QUEUE, text, plane.clock.now());
        return Ok(More::Later);
    }
    let full = due.len() == AT_ONCE as usize;
    let mut tries = JoinSet::new();
    for held in due {
        tries.spawn(one(Arc::clone(plane), held));
    }
    // All of them, whatever becomes of one: a try that is cut off may have been taken.
    let mut first = None;
    while let Some(tried) = tries.join_next().await {
        first = first.or(tried.ok().and_then(Result::err));
    }
    if let Some(error) = first {
        return Err(error);
    }
    Ok(if full { More::AtOnce } else { More::Later })
}

/// One try and what came of it. That it begins is kept first: where nothing can be kept, nothing goes out.
async fn one(plane: Arc<Plane>, held: Versioned<Mail>) -> Result<(), StoreError> {
    let Post { carrier: Some(carrier), .. } = &plane.post else { return Ok(()) };
    let Ok(mail) = held.value.begin_try(plane.clock.now()) else { return Ok(()) };
    let Some(version) = kept(&plane, &mail, held.version).await? else { return Ok(()) };
    let Some(letter) = mail.letter() else { return Ok(()) };
    let outcome = carried(&plane, carrier.as_ref(), &mail, letter).await?;
    let now = plane.clock.now();
    let next = match &outcome {
        Ok(said) => mail.clone().sent(said, now),
        Err(failure) => mail.clone().failed(failure, now),
    };
    tell(&plane, &carrier.place(), &outcome, next.as_ref().ok());
    let Ok(next) = next.map(|next| subscriptions::settled(next, now)) else { return Ok(()) };
    if kept(&plane, &next, version).await?.is_some() {
        super::referrals::note_attempt(&plane, &next).await;
        subscriptions::note(&plane, &next).await?;
    }
    Ok(())
}

/// What becomes of a letter that is tried: some stay here after all, and those to subscribers get their address now.
async fn carried(
    plane: &Plane,
    carrier: &dyn Carrier,
    mail: &Mail,
    letter: &Letter,
) -> Result<Result<String, Failure>, StoreError> {
    if let Some(why) = super::referrals::held_back(plane, mail).await? {
        return Ok(Err(Failure::Never(why)));
    }
    let now = plane.clock.now();
    Ok(match subscriptions::addressed(plane, mail, letter).await? {
        Addressed::AsItStands => carrier.carry(mail, letter, now).await,
        Addressed::To(letter) => subscriptions::discreet(carrier.carry(mail, &letter, now).await),
        Addressed::Nobody => Err(Failure::Never("the subscription ended".to_owned())),
    })
}

/// The new version; none where somebody else moved the mail on, which the next look sees.
async fn kept(plane: &Plane, mail: &Mail, version: u64) -> Result<Option<u64>, StoreError> {
    match plane.records.put_mail(mail, version).await {
        Ok(version) => Ok(Some(version)),
        Err(PutError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Mail servers' words go to the alarm, letters never to a log.
fn tell(plane: &Plane, place: &str, outcome: &Result<String, Failure>, next: Option<&Mail>) {
    match (outcome, next.map(|mail| &mail.state)) {
        (Ok(_), _) => plane.alarms.clear(WAITS, QUEUE),
        (Err(Failure::Later(said)), Some(MailState::Waiting { tries, .. })) if *tries >= TRIES_UNTOLD => {
            let text = format!("{place} has not taken a letter {tries} times: {said}");
            plane.alarms.raise(WAITS, QUEUE, text, plane.clock.now());
        }
        _ => {}
    }
}

/// One alarm for all letters that were given up, so that many cannot push other alarms out.
async fn tell_of_dead(plane: &Plane) -> Result<(), StoreError> {
    let dead = plane.records.list_mails(true, Page::first(20)).await?;
    let Some(newest) = dead.items.first() else {
        plane.alarms.clear(DEAD, QUEUE);
        return Ok(());
    };
    let MailState::Dead { said, .. } = &newest.value.state else { return Ok(()) };
    let more = if dead.next.is_some() { " or more" } else { "" };
    let text = format!(
        "{}{more} letters were given up, the newest to {} about {}: {said}; tell them in another way and say so, or \
         queue it again (GET /api/v1/mails?dead=true)",
        dead.items.len(),
        newest.value.to,
        newest.value.about
    );
    plane.alarms.raise(DEAD, QUEUE, text, plane.clock.now());
    Ok(())
}
