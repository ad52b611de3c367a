//! Referrals that go by mail: what a mail is about, and the attempt that it is once a mail server has taken it.

use crate::api::refusals::changed_case;
use crate::plane::Plane;
use crate::rim::version::Wanted;
use casework::Channel;
use post::{Mail, MailState, Purpose};
use records::StoreError;
use vocabulary::{CaseId, ReferralId};

/// A referral that was mailed and does not say so.
const NOT_NOTED: &str = "mail-not-noted";

/// What the mail of a referral is about, as it stands in the queue.
pub(crate) fn mailed_about((case, referral): (CaseId, ReferralId)) -> String {
    format!("{case} {referral}")
}

fn place(about: &str) -> Option<(CaseId, ReferralId)> {
    let (case, referral) = about.split_once(' ')?;
    Some((case.parse().ok()?, referral.parse().ok()?))
}

/// Why a referral's letter stays here after all: between queue and mail server its authority may have been retired, have
/// denied that it is who it seems, or have got another address. Nothing, for every other letter.
pub(super) async fn held_back(plane: &Plane, mail: &Mail) -> Result<Option<String>, StoreError> {
    let (Purpose::Referral, Some((case, referral))) = (mail.purpose, place(&mail.about)) else {
        return Ok(None);
    };
    let case = plane.records.case(case).await?;
    let referrals = case.into_iter().flat_map(|case| case.value.referrals);
    let entry = referrals.filter(|one| one.id == referral).find_map(|one| one.authority.directory);
    let entry = match entry {
        Some(id) => plane.records.authority(id).await?.map(|held| held.value),
        None => None,
    };
    let Some(entry) = entry else { return Ok(Some("its authority is not in the directory".to_owned())) };
    let why = match (&entry.retired, entry.verified_at(plane.clock.now())) {
        (Some(_), _) => "its authority was retired from the directory",
        (None, None) => "its authority is not verified any more; call it back first",
        (None, Some(_)) if entry.mail.as_ref().is_none_or(|held| held.as_str() != mail.to.as_str()) => {
            "the directory has another address of its authority by now"
        }
        (None, Some(_)) => return Ok(None),
    };
    Ok(Some(why.to_owned()))
}

/// Notes the attempt by mail, once the mail was kept as sent. One that never left is none: an authority that was written to
/// in vain is not silent. Where this fails or the process dies before it, an attempt is missing and none is invented.
pub(super) async fn note_attempt(plane: &Plane, mail: &Mail) {
    let (Purpose::Referral, MailState::Sent { at, .. }) = (mail.purpose, &mail.state) else { return };
    let Some((case, referral)) = place(&mail.about) else { return };
    let noted = changed_case(plane, case, Wanted::Any, |case, now| {
        Ok(case.step_referral(referral, |held| Ok((held.send(Channel::Email, now)?, ())))?)
    });
    if let Err(problem) = noted.await {
        let text =
            format!("a letter with the referral went out on {at}, note it (`sent`): {}", problem.said());
        plane.alarms.raise(NOT_NOTED, referral, text, plane.clock.now());
    }
}
