//! RFC 5965's own example, each way to break it, and seeded mutations.

use super::*;
use vocabulary::SeededRandom;

/// Appendix B.2 of RFC 5965, shortened, with its addresses.
const EXAMPLE: &str = "From: <abusedesk@example.com>\r\n\
Date: Thu, 8 Mar 2005 17:40:36 EDT\r\n\
Subject: FW: Earn money\r\n\
To: <abuse@example.net>\r\n\
Message-ID: <20030712040037.46341.5F8J@example.com>\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/report; report-type=feedback-report;\r\n     boundary=\"part1_13d.2e68ed54_boundary\"\r\n\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: text/plain; charset=\"US-ASCII\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
This is an email abuse report for an email message received from IP 192.0.2.1.\r\n\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: message/feedback-report\r\n\r\n\
Feedback-Type: abuse\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n\
Original-Mail-From: <somespammer@example.net>\r\n\
Original-Rcpt-To: <user@example.com>\r\n\
Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n\
Reporting-MTA: dns; mail.example.com\r\nSource-IP: 192.0.2.1\r\n\
Authentication-Results: mail.example.com;\r\n           spf=fail smtp.mail=somespammer@example.com\r\n\
Reported-Domain: example.net\r\nReported-Uri: http://example.net/earn_money.html\r\n\
Reported-Uri: mailto:user@example.com\r\nRemoval-Recipient: user@example.com\r\n\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n\
From: <somespammer@example.net>\r\nReceived: from mailserver.example.net\r\nTo: <Undisclosed Recipients>\r\n\
Subject: Earn money\r\n\r\nSpam Spam Spam\r\n--part1_13d.2e68ed54_boundary--\r\n";

#[test]
fn the_example_of_rfc_5965_is_read() {
    let read = parse(EXAMPLE.as_bytes()).expect("report");
    assert_eq!((read.channel, read.category), (Channel::Arf, Category::Spam));
    let hosts: Vec<String> = read.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["192.0.2.1", "example.net"]);
    assert_eq!(read.text.urls.len(), 2);
    assert!(read.text.contact.expose().contains("abusedesk@example.com"));
    assert!(!read.text.original.expose().contains("Spam Spam"), "the body of the message is not kept");
    assert_eq!(read.reference.as_deref(), Some("<20030712040037.46341.5F8J@example.com>"));
}

#[test]
fn lines_may_end_as_pipes_deliver_them() {
    let unix = EXAMPLE.replace("\r\n", "\n");
    assert_eq!(
        parse(unix.as_bytes()).expect("report").hosts,
        parse(EXAMPLE.as_bytes()).expect("report").hosts
    );
}

#[test]
fn each_broken_mail_is_refused_by_name() {
    let without = |line: &str| EXAMPLE.replacen(line, "", 1);
    for (mail, name) in [
        (without("Feedback-Type: abuse\r\n"), "report-field-missing"),
        (without("User-Agent: SomeGenerator/1.0\r\n"), "report-field-missing"),
        (without("Version: 1\r\n"), "report-field-missing"),
        (EXAMPLE.replace("Version: 1", "Version: 7"), "report-field-mistaken"),
        (EXAMPLE.replace("Version: 1", "Version: 1\r\nVersion: 1"), "report-field-mistaken"),
        (EXAMPLE.replace("Source-IP", "Source-IP: 192.0.2.2\r\nSource-IP"), "report-field-mistaken"),
        (EXAMPLE.replace("report-type=feedback-report", "report-type=delivery-status"), "report-malformed"),
        (EXAMPLE.replace("message/feedback-report", "text/plain"), "report-malformed"),
        (EXAMPLE.replace("boundary=", "border="), "report-malformed"),
        ("Subject: help\r\n\r\nplease".to_owned(), "report-malformed"),
        (String::new(), "report-malformed"),
        (EXAMPLE.replace("This is an email", &"word ".repeat(10_000)), "report-too-large"),
        (EXAMPLE.replace("Reported-Uri", &"Reported-Uri: http://a.test/\r\n".repeat(30)), "report-malformed"),
    ] {
        let refused = parse(mail.as_bytes()).expect_err("refused");
        assert_eq!(refused.name(), name, "{refused}");
    }
}

#[test]
fn more_addresses_than_the_bound_are_refused() {
    let many = format!("{}Reported-Uri: ", "Reported-Uri: http://a.test/\r\n".repeat(30));
    let refused = parse(EXAMPLE.replacen("Reported-Uri: ", &many, 1).as_bytes()).expect_err("refused");
    assert_eq!(refused.name(), "report-too-large");
}

#[test]
fn a_refusal_repeats_nothing_of_the_mail() {
    let canary = "canary7f3a";
    for mail in [
        EXAMPLE.replace("Version: 1", &format!("Version: {canary}")),
        EXAMPLE.replace("Feedback-Type: abuse", &format!("{canary} {canary}")),
        format!("{canary}\r\n\r\n"),
    ] {
        assert!(!parse(mail.as_bytes()).expect_err("refused").to_string().contains(canary));
    }
}

/// `fuzz/fuzz_targets/report_mail.rs` drives the same entry point with coverage.
#[test]
fn no_mutation_of_a_mail_panics() {
    let random = SeededRandom::new(5965);
    for _ in 0..3_000 {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for _ in 0..=random.below(6) {
            let place = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[place] = random.below(256) as u8,
                1 => drop(bytes.remove(place)),
                2 => bytes.insert(place, b"-\r\n:;=\" "[random.below(8) as usize]),
                _ => bytes.truncate(place.max(1)),
            }
        }
        let _ = parse(&bytes);
    }
}
