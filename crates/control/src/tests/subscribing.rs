//! The public record by mail: asked for, confirmed, told, ended.

use super::mailing::{alarms, all_are, started, text, until};
use super::rig::*;
use post::Stage;
use records::{Log as _, Subscriptions as _};
use serde_json::Value;
use std::time::Duration;
use testkit::{MailRules, MailSink, TakenMail};

const READER: &str = "Reader.One@zq-example.test";
const MINUTE: Duration = Duration::from_secs(60);

/// Fills in the form in a language, as a browser without scripts does.
async fn ask(running: &Running, place: &str, address: &str) -> Answer {
    let page = running.public(place).await.is(200).text();
    let token = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let fields = [("token", token.expect("a token")), ("address", address)];
    super::authorities::post_form(running, place, &fields).await
}

/// The letters that went to an address, once there are so many.
async fn letters(sink: &MailSink, to: &str, count: usize) -> Vec<TakenMail> {
    for _ in 0..1_500 {
        let taken: Vec<_> = sink.taken().into_iter().filter(|mail| mail.to == [to]).collect();
        if taken.len() >= count {
            return taken;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {count} letters to {to}: {:?}", sink.taken());
}

/// The path of the link in a letter that has this in it.
fn link(mail: &TakenMail, part: &str) -> String {
    let text = text(mail);
    let lines = text.lines().find(|line| line.starts_with("http://localhost:9091/") && line.contains(part));
    let line = lines.unwrap_or_else(|| panic!("no link {part} in\n{text}"));
    line.trim_start_matches("http://localhost:9091").to_owned()
}

async fn post(running: &Running, path: &str, body: &str) -> Answer {
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    send(running.control.public(), "POST", path, &kind, body.as_bytes()).await
}

/// Asks and confirms; the path that ends it is in any later letter.
async fn subscribe(running: &Running, sink: &MailSink, place: &str, address: &str) {
    ask(running, place, address).await.is(200);
    let asked = letters(sink, address, 1).await;
    let confirm = link(&asked[0], "/subscribe/");
    post(running, &confirm, "").await.is(200);
}

async fn confirmed(rig: &Rig) -> usize {
    rig.records.subscriptions_before(Stage::Confirmed, u64::MAX, 200).await.expect("read").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_confirmed_from_the_mailbox_told_of_decisions_and_ended_by_one_post() {
    let (mut rig, running, sink) = started(MailRules::default()).await;
    let sent = ask(&running, "/record/de/subscribe", READER).await.is(200);
    assert!(sent.text().contains("Sehen Sie in Ihr Postfach"), "{}", sent.text());
    let kept = "Reader.One@zq-example.test";
    let asked = letters(&sink, kept, 1).await;
    assert!(text(&asked[0]).contains("Die Seite gilt einen Tag"), "{}", text(&asked[0]));
    assert!(!asked[0].message.contains("List-Unsubscribe"), "nothing to leave yet");
    let confirm = link(&asked[0], "/record/de/subscribe/");
    // Programs that open every link change nothing.
    let page = running.public(&confirm).await.is(200).text();
    assert!(page.contains("Möchten Sie diese Briefe?"), "{page}");
    assert_eq!(confirmed(&rig).await, 0);
    for _ in 0..2 {
        post(&running, &confirm, "").await.is(200);
    }
    assert_eq!(confirmed(&rig).await, 1);

    let decision = blocked(&rig, &running).await;
    let told = letters(&sink, kept, 2).await;
    let said = text(&told[1]);
    let address = format!("http://localhost:9091/record/de/decisions/{decision}");
    for wanted in [address.as_str(), "ufige Sperre, 2 Websites: In Kraft"] {
        assert!(said.contains(wanted), "{wanted:?} is not in\n{said}");
    }
    assert!(said.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{said}");
    let field = said.lines().find_map(|line| line.strip_prefix("List-Unsubscribe: <")).expect("a field");
    let end = field.trim_end_matches('>').trim_start_matches("http://localhost:9091").to_owned();
    assert_eq!(end, link(&told[1], "/record/de/unsubscribe/"));

    // A restart tells nothing twice.
    running.stop().await;
    let running = rig.start().await;
    until(&running, "sent", all_are("sent")).await;
    assert_eq!(letters(&sink, kept, 2).await.len(), 2);

    // One click: no question, no cookie, no redirect.
    let page = running.public(&end).await.is(200);
    assert!(page.text().contains("Möchten Sie gehen?"));
    let ended = post(&running, &end, "List-Unsubscribe=One-Click").await.is(200);
    assert!(!ended.fields.contains_key("set-cookie") && ended.text().contains("Sie haben abbestellt"));
    post(&running, &end, "List-Unsubscribe=One-Click").await.is(200);
    assert_eq!(confirmed(&rig).await, 0);
    post(&running, &confirm, "").await.is(404);
    // What happens now goes to nobody.
    rig.clock.advance(48 * 60 * MINUTE);
    running.until_state(&decision, "lapsed").await;
    until(&running, "settled", |mails| mails.iter().all(|mail| mail["state"] != "waiting")).await;
    assert_eq!(letters(&sink, kept, 2).await.len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_out_at_the_form_whether_an_address_is_known() {
    let (rig, running, sink) = started(MailRules::default()).await;
    subscribe(&running, &sink, "/record/subscribe", "known@zq-example.test").await;
    let strip = |answer: Answer| answer.text();
    let known = strip(ask(&running, "/record/subscribe", "known@zq-example.test").await.is(200));
    let other_case = strip(ask(&running, "/record/subscribe", "KNOWN@zq-example.test").await.is(200));
    let strange = strip(ask(&running, "/record/subscribe", "strange@zq-example.test").await.is(200));
    assert_eq!((&known, &known), (&other_case, &strange));
    // The mailbox alone is told, once a day however often somebody asks.
    let told = letters(&sink, "known@zq-example.test", 2).await;
    assert!(text(&told[1]).contains("It is subscribed already"), "{}", text(&told[1]));
    letters(&sink, "strange@zq-example.test", 1).await;
    for _ in 0..3 {
        ask(&running, "/record/subscribe", "strange@zq-example.test").await.is(200);
        ask(&running, "/record/subscribe", "known@zq-example.test").await.is(200);
    }
    for _ in 0..1_500 {
        if rig.records.subscriptions_before(Stage::Asked, u64::MAX, 9).await.expect("read").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(&running, "sent", all_are("sent")).await;
    assert_eq!(letters(&sink, "strange@zq-example.test", 1).await.len(), 1);
    assert_eq!(letters(&sink, "known@zq-example.test", 2).await.len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lapses_after_a_day_and_an_asking_leaves_nothing_behind() {
    let (rig, running, sink) = started(MailRules::default()).await;
    ask(&running, "/record/subscribe", "late@zq-example.test").await.is(200);
    let asked = letters(&sink, "late@zq-example.test", 1).await;
    let confirm = link(&asked[0], "/subscribe/");
    rig.clock.advance(24 * 60 * MINUTE);
    let late = post(&running, &confirm, "").await.is(404);
    assert!(late.text().contains("This link leads nowhere"), "{}", late.text());
    for _ in 0..1_500 {
        let left = rig.records.subscriptions_before(Stage::Mailed, u64::MAX, 9).await.expect("read");
        if left.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(rig.records.subscriptions_before(Stage::Mailed, u64::MAX, 9).await.expect("read").is_empty());
    // Links that are none, or for something else, lead nowhere either.
    let token = confirm.rsplit('/').next().expect("a token");
    for path in [format!("/record/unsubscribe/{token}"), "/record/subscribe/AAAA".to_owned()] {
        running.public(&path).await.is(404);
        post(&running, &path, "").await.is(404);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_in_no_answer_no_queue_and_no_entry_of_the_log() {
    let (rig, running, sink) = started(MailRules::default()).await;
    subscribe(&running, &sink, "/record/subscribe", "canary@zq-example.test").await;
    blocked(&rig, &running).await;
    letters(&sink, "canary@zq-example.test", 2).await;
    // A mail server that repeats the address in its refusal.
    sink.behave(MailRules { unknown: vec!["bounce@zq-example.test".to_owned()], ..MailRules::default() });
    ask(&running, "/record/subscribe", "bounce@zq-example.test").await.is(200);
    let mails =
        until(&running, "given up", |mails| mails.iter().any(|mail| mail["state"] == "settled")).await;
    assert!(!alarms(&running).await.contains(&"mail-dead".to_owned()), "nobody has to look after it");
    let mut everything = Value::from(mails).to_string();
    for path in ["/api/v1/mails", "/api/v1/status", "/api/v1/mails?dead=true"] {
        everything += &running.get(path).await.is(200).text();
    }
    for path in ["/record/", "/record/feed.atom", "/record/transparency.json"] {
        everything += &running.public(path).await.is(200).text();
    }
    let size = rig.records.head().await.expect("read").expect("a head").size;
    for leaf in rig.records.leaves(0..size).await.expect("read") {
        everything += &String::from_utf8_lossy(&leaf.bytes);
    }
    for stage in [Stage::Asked, Stage::Mailed, Stage::Confirmed] {
        let held = rig.records.subscriptions_before(stage, u64::MAX, 200).await.expect("read");
        everything +=
            &serde_json::to_string(&held.iter().map(|held| &held.value).collect::<Vec<_>>()).expect("json");
    }
    assert!(everything.contains("subscribers.invalid"), "the queue knows aliases");
    assert!(!everything.to_lowercase().contains("zq-example"), "{everything}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_close_together_comes_in_one_letter() {
    let (rig, running, sink) = started(MailRules::default()).await;
    subscribe(&running, &sink, "/record/subscribe", "one@zq-example.test").await;
    let first = blocked(&rig, &running).await;
    let told = letters(&sink, "one@zq-example.test", 2).await;
    assert!(text(&told[1]).contains(&first));
    // Within a quarter of an hour nothing more goes out, and then all of it in one.
    rig.clock.advance(MINUTE);
    let case = open_case_about(&rig, &running, "shop").await;
    let second = propose_on(&running, &case, &["shop.test"], 3_600).await;
    for by in ["assessor-1", "duty-officer-1"] {
        sign(&rig, &running, &second, by).await.is(200);
    }
    running.until_state(&second, "in-force").await;
    assert_eq!(letters(&sink, "one@zq-example.test", 2).await.len(), 2);
    rig.clock.advance(60 * MINUTE);
    running.until_state(&second, "lapsed").await;
    let told = letters(&sink, "one@zq-example.test", 3).await;
    assert_eq!(told.len(), 3);
    let said = text(&told[2]);
    assert_eq!(said.matches(&second).count(), 1, "{said}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_taken_comes_back_and_says_why() {
    let (_rig, running, _sink) = started(MailRules::default()).await;
    let wrong = ask(&running, "/record/fr/subscribe", "no address\r\nRCPT TO:<x@y.test>").await.is(422);
    assert!(
        wrong.text().contains("pas une adresse") && wrong.text().contains("no address"),
        "{}",
        wrong.text()
    );
    let old = post(&running, "/record/subscribe", "token=AAAA&address=a%40b.test").await.is(422);
    assert!(old.text().contains("lay open for too long"), "{}", old.text());
    post(&running, "/record/subscribe", &"x".repeat(5_000)).await.is(413);
    // A network that asks very often waits.
    let mut answer = ask(&running, "/record/subscribe", "n0@zq-example.test").await;
    for number in 1..40 {
        if answer.status == 429 {
            break;
        }
        answer = ask(&running, "/record/subscribe", &format!("n{number}@zq-example.test")).await;
    }
    let slowed = answer.is(429);
    assert!(slowed.field("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_mail_server_says_so_and_takes_no_address() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let page = running.public("/record/es/subscribe").await.is(200).text();
    assert!(page.contains("Este registro no envía correo") && !page.contains("type=\"email\""), "{page}");
    post(&running, "/record/subscribe", "token=AAAA&address=a%40b.test").await.is(503);
    running.stop().await;
}
