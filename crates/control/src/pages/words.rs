//! What the terms of a decision mean, in plain words.
//!
//! Called from templates, which pass fields by reference and results by value; hence `impl Borrow`.

use policy::{Ground, Measure, Role, ServiceClass};
use std::borrow::Borrow;
use std::time::Duration;
use vocabulary::{Timestamp, moment};

pub(super) fn measure(measure: impl Borrow<Measure>) -> &'static str {
    match *measure.borrow() {
        Measure::M0 => "Report passed on",
        Measure::M1 => "Warning page",
        Measure::M2 => "Feature withdrawn",
        Measure::M3 => "Listed pages closed",
        Measure::M4 => "Closed in some places",
        Measure::M5 => "Provisional block",
        Measure::M6 => "Confirmed block",
        Measure::M7 => "Contract ended",
    }
}

pub(super) fn measure_in_full(measure: impl Borrow<Measure>) -> &'static str {
    match *measure.borrow() {
        Measure::M0 => "A report was passed on without naming anybody. Nothing changes for visitors.",
        Measure::M1 => "Visitors see a warning first and may go on to the site.",
        Measure::M2 => "One feature of the service was withdrawn. The site stays up and shielded.",
        Measure::M3 => "The listed pages are closed to visitors. The rest of the site is untouched.",
        Measure::M4 => "Visitors in the named places see a notice. Everywhere else the site is untouched.",
        Measure::M5 => {
            "Visitors see a notice, for at most 48 hours. The site’s own server stays untouched and shielded \
             from attack. Without confirmation by others the block ends by itself."
        }
        Measure::M6 => {
            "Visitors see a notice, for at most 14 days at a time. The site’s own server stays untouched and \
             shielded from attack."
        }
        Measure::M7 => "The operator ends its contract with this customer, after notice and appeal.",
    }
}

pub(super) fn ground(ground: impl Borrow<Ground>) -> &'static str {
    match *ground.borrow() {
        Ground::Policy => "A breach of the published policy",
        Ground::TechnicalAbuse => "Abuse of the service itself",
        Ground::Malware => "Spreading of harmful software",
        Ground::Phishing => "Tricking people out of their secrets",
        Ground::Payment => "Unpaid bills",
        Ground::Order => "An order of a court or authority",
        Ground::Emergency => "Danger to human life",
        Ground::RatifiedEmergency => "Danger to human life, confirmed by others",
    }
}

pub(super) fn class(class: impl Borrow<ServiceClass>) -> &'static str {
    match *class.borrow() {
        ServiceClass::H => "hosting",
        ServiceClass::S => "shield and cache",
        ServiceClass::C => "core services, such as names",
    }
}

pub(super) fn role(role: impl Borrow<Role>) -> &'static str {
    match *role.borrow() {
        Role::Intake => "Intake",
        Role::Assessor => "Assessor",
        Role::Legal => "Legal reviewer",
        Role::DutyOfficer => "Duty officer",
        Role::AuthorityLiaison => "Liaison to authorities",
        Role::VictimLiaison => "Liaison to people at risk",
        Role::Reviewer => "Independent reviewer",
        Role::KeyCustodian => "Key custodian",
        Role::Auditor => "Auditor",
        Role::EdgeOperator => "Edge operator",
    }
}

/// An instant as a date and a time.
pub(super) fn when(instant: impl Borrow<Timestamp>) -> String {
    moment::date_and_time(*instant.borrow())
}

/// A span, in the unit that people would use.
pub(super) fn lasting(span: impl Borrow<Duration>) -> String {
    moment::span(*span.borrow())
}

/// `1 site`, `3 sites`.
pub(super) fn sites(count: impl Borrow<u32>) -> String {
    match *count.borrow() {
        1 => "1 site".to_owned(),
        count => format!("{count} sites"),
    }
}

/// `1 officer`, `3 officers`.
pub(super) fn officers(count: usize) -> String {
    if count == 1 { "1 officer".to_owned() } else { format!("{count} officers") }
}

/// Whether a text is an address that a page may link to; `javascript:` and its like are not.
pub(super) fn is_web_address(text: &str) -> bool {
    let scheme = text.starts_with("https://") || text.starts_with("http://");
    scheme && text.chars().all(|c| c.is_ascii_graphic())
}
