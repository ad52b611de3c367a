//! A letter as a message (RFC 5322): plain text, with the fields that a program's mail should bear.

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};
use post::{Letter, Mail, MailAddress};
use std::time::{Duration, SystemTime};
use vocabulary::Timestamp;

/// The bytes to send. The error is a text that names no word of the letter.
pub(crate) fn write(
    mail: &Mail,
    letter: &Letter,
    from: &MailAddress,
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    let seconds = u64::try_from(now.as_secs()).unwrap_or(0);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("Wardmote".to_owned()), address(from)?))
        .to(Mailbox::new(None, address(letter.to())?))
        .subject(letter.subject())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        // RFC 3834: no holiday notice answers this.
        .raw_header(field("Auto-Submitted", "auto-generated")?);
    if let Some(url) = letter.unsubscribe() {
        // RFC 8058.
        builder = builder
            .raw_header(field("List-Unsubscribe", &format!("<{url}>"))?)
            .raw_header(field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }
    let message = builder.singlepart(SinglePart::plain(letter.body().to_owned()));
    message.map(|message| message.formatted()).map_err(|error| error.to_string())
}

pub(crate) fn address(address: &MailAddress) -> Result<Address, String> {
    address.as_str().parse().map_err(|_| "the address is not one that mail is sent to".to_owned())
}

fn field(name: &'static str, value: &str) -> Result<HeaderValue, String> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}
