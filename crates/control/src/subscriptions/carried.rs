//! Letters to subscribers at the moment they leave: who is behind the alias, and what comes of the try.

use super::letters::{behind, edition};
use super::links::{LinkTo, write};
use super::{address_of, end};
use crate::pages::languages::Lang;
use crate::pages::record::LetterTexts;
use crate::plane::Plane;
use post::{Failure, Letter, LetterError, Mail, MailState, Purpose, Stage, Subscription};
use records::{PutError, StoreError};
use vocabulary::Timestamp;

/// To whom a letter goes after all.
pub(crate) enum Addressed {
    /// It is no subscriber's letter.
    AsItStands,
    /// The letter with its address and links.
    To(Box<Letter>),
    /// The subscription ended meanwhile.
    Nobody,
}

/// Puts the address and the links into a subscriber's letter, on its way out and nowhere else.
pub(crate) async fn addressed(plane: &Plane, mail: &Mail, letter: &Letter) -> Result<Addressed, StoreError> {
    if !is_ours(mail) {
        return Ok(Addressed::AsItStands);
    }
    let Some(id) = behind(&mail.to) else { return Ok(Addressed::Nobody) };
    let Some(held) = plane.records.subscription(id).await? else { return Ok(Addressed::Nobody) };
    let Some(to) = address_of(plane, &held.value).await? else { return Ok(Addressed::Nobody) };
    let whole = match held.value.stage() {
        Stage::Asked | Stage::Mailed => with_question(plane, &held.value, letter, to),
        Stage::Confirmed => with_end(plane, &held.value, letter, to),
    };
    Ok(whole.map_or(Addressed::Nobody, |letter| Addressed::To(Box::new(letter))))
}

fn with_question(
    plane: &Plane,
    held: &Subscription,
    letter: &Letter,
    to: post::MailAddress,
) -> Result<Letter, LetterError> {
    let frame = edition(plane, Lang::of(&held.language).unwrap_or_default());
    let token = write(plane.intake.vault(), LinkTo::Confirm, held.id);
    let link = format!("{}{}", frame.public_url, frame.at(format!("subscribe/{token}")));
    let texts = LetterTexts::of(&frame);
    Letter::new(to, letter.subject(), format!("{}\n\n{link}\n\n{}\n", letter.body(), texts.asks_back_end))
}

fn with_end(
    plane: &Plane,
    held: &Subscription,
    letter: &Letter,
    to: post::MailAddress,
) -> Result<Letter, LetterError> {
    let frame = edition(plane, Lang::of(&held.language).unwrap_or_default());
    let token = write(plane.intake.vault(), LinkTo::End, held.id);
    let link = format!("{}{}", frame.public_url, frame.at(format!("unsubscribe/{token}")));
    let texts = LetterTexts::of(&frame);
    let body = format!("{}\n\n-- \n{}\n{link}\n", letter.body(), texts.ends);
    Letter::new(to, letter.subject(), body)?.with_unsubscribe(link)
}

/// What a mail server said of a subscriber's letter: it likes to repeat the address, so its code alone is kept.
pub(crate) fn discreet(outcome: Result<String, Failure>) -> Result<String, Failure> {
    match outcome {
        Ok(said) => Ok(code(&said)),
        Err(Failure::Later(said)) => Err(Failure::Later(code(&said))),
        Err(Failure::Never(said)) => Err(Failure::Never(code(&said))),
    }
}

fn code(said: &str) -> String {
    let words = said.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_code = |word: &&str| {
        word.len() == 3 && word.starts_with(['2', '3', '4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
    };
    let code = words.into_iter().find(is_code);
    code.unwrap_or("no answer").to_owned()
}

/// A subscriber's letter that was given up is done with: nobody has to be told in another way.
pub(crate) fn settled(mail: Mail, now: Timestamp) -> Mail {
    match (&mail.state, is_ours(&mail)) {
        (MailState::Dead { said, .. }, true) => {
            let how = format!("given up after {said}; a subscriber's letter is all that is lost");
            mail.clone().settle("subscriptions", &how, now).unwrap_or(mail)
        }
        _ => mail,
    }
}

/// Notes on the subscription what came of a letter. Where this fails nothing is lost but the count.
pub(crate) async fn note(plane: &Plane, mail: &Mail) -> Result<(), StoreError> {
    let Some(id) = behind(&mail.to).filter(|_| is_ours(mail)) else { return Ok(()) };
    let Some(held) = plane.records.subscription(id).await? else { return Ok(()) };
    let next = match mail.state {
        MailState::Sent { .. } => held.value.reached(),
        MailState::Settled { .. } => match held.value.unreached(plane.clock.now()) {
            Some(next) => Some(next),
            None => return end(plane, id).await,
        },
        _ => None,
    };
    let Some(next) = next else { return Ok(()) };
    match plane.records.put_subscription(&next, held.version).await {
        Err(PutError::Store(error)) => Err(error),
        _ => Ok(()),
    }
}

fn is_ours(mail: &Mail) -> bool {
    matches!(mail.purpose, Purpose::Subscription | Purpose::SubscriptionRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_mail_server_says_the_code_alone_is_kept() {
        for (said, kept) in [
            ("250 2.0.0 accepted for jo@example.org", "250"),
            ("permanent error (550): <jo550@example.org> unknown", "550"),
            ("Connection error: 127.0.0.1: connection refused", "no answer"),
            ("", "no answer"),
        ] {
            assert_eq!(code(said), kept);
        }
    }
}
