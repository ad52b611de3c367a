//! Reports from the form and the API to the desk and back, with everything that must not leave the vault.

use super::rig::{Answer, Rig, Running, SITES, open_case, proposal, propose, send};
use records::{Page, ReportDesk as _};
use serde_json::{Value, json};
use std::time::Duration;
use vocabulary::Clock as _;

const FORM: &str = "application/x-www-form-urlencoded";

fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

async fn post_public(running: &Running, path: &str, media_type: &str, body: &[u8]) -> Answer {
    send(running.control.public(), "POST", path, &[("Content-Type", media_type)], body).await
}

/// The value of the hidden token of a form.
fn token(page: &str) -> String {
    let rest = page.split("name=\"token\" value=\"").nth(1).expect("a token");
    rest.split('"').next().expect("a value").to_owned()
}

/// The eight words of a receipt.
fn code(page: &str) -> String {
    let list = page.split("<ol class=\"words\"").nth(1).expect("a code");
    let list = list.split("</ol>").next().expect("its end");
    let words = list.split("<li>").skip(1).filter_map(|item| item.split('<').next());
    words.collect::<Vec<_>>().join(" ")
}

async fn report(running: &Running, pairs: &[(&str, &str)]) -> Answer {
    let page = running.public("/report/danger").await.is(200).text();
    let token = token(&page);
    let mut all = vec![("token", token.as_str())];
    all.extend_from_slice(pairs);
    post_public(running, "/report/danger", FORM, urlencoded(&all).as_bytes()).await
}

async fn status(running: &Running, pairs: &[(&str, &str)]) -> Answer {
    post_public(running, "/report/status", FORM, urlencoded(pairs).as_bytes()).await
}

async fn started() -> (Rig, Running) {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    (rig, running)
}

async fn queue(running: &Running) -> Vec<Value> {
    running.get("/api/v1/allegations").await.is(200).json()["items"].as_array().expect("list").clone()
}

#[tokio::test]
async fn a_frightened_person_reports_and_comes_back_with_the_code() {
    let (_rig, running) = started().await;
    let sent =
        [("where", "https://board.test/t/7"), ("what", "they wrote where my sister lives"), ("lang", "de")];
    let receipt = report(&running, &sent).await.is(200);
    assert!(receipt.text().contains("Ihr Code"), "{}", receipt.text());
    assert_eq!((receipt.field("set-cookie"), receipt.field("cache-control")), ("", "no-store"));
    let code = code(&receipt.text());
    assert_eq!(code.split(' ').count(), 8);

    let line = &queue(&running).await[0];
    assert_eq!((&line["category"], &line["danger"]), (&json!("threat"), &json!(true)));
    assert_eq!(line["sites"].as_array().expect("sites").len(), 1);
    let listed = format!("/api/v1/allegations/{}/reports", line["id"].as_str().expect("id"));
    let listed = running.get(&listed).await.is(200).json();
    let id = listed["items"][0]["id"].as_str().expect("id").to_owned();
    assert!(!listed.to_string().contains("sister"), "lists hold no text");

    let opened =
        running.post(&format!("/api/v1/reports/{id}/open"), json!({"by": "intake-1"})).await.is(200).json();
    assert_eq!(opened["text"]["words"], "they wrote where my sister lives");
    let readings = running.get(&format!("/api/v1/reports/{id}/readings")).await.is(200).json();
    assert!(readings[0]["reader"].as_str().expect("reader").ends_with("/intake-1"));
    let question = json!({"by": "intake-1", "text": "Is she safe tonight?"});
    running.post(&format!("/api/v1/reports/{id}/messages"), question).await.is(204);

    let shown = status(&running, &[("code", &code.to_uppercase())]).await.is(200).text();
    assert!(shown.contains("Is she safe tonight?") && !shown.contains("intake-1"), "{shown}");
    let answered =
        status(&running, &[("code", &code), ("message", "Yes, she is with me.")]).await.is(200).text();
    assert!(answered.contains("Yes, she is with me."));
    let opened =
        running.post(&format!("/api/v1/reports/{id}/open"), json!({"by": "intake-1"})).await.is(200).json();
    assert_eq!(opened["text"]["thread"][1]["text"], "Yes, she is with me.");
    assert_eq!(opened["state"], "clustered");
    running.stop().await;
}

#[tokio::test]
async fn a_form_sent_twice_is_one_report_with_one_code() {
    let (rig, running) = started().await;
    let page = running.public("/report/danger").await.is(200).text();
    let token = token(&page);
    let body = urlencoded(&[("token", &token), ("where", "board.test/1"), ("what", "help")]);
    let first = post_public(&running, "/report/danger", FORM, body.as_bytes()).await.is(200).text();
    let second = post_public(&running, "/report/danger", FORM, body.as_bytes()).await.is(200).text();
    assert_eq!(code(&first), code(&second));
    assert!(second.contains("We had this report already"));
    assert_eq!(rig.records.list_reports(None, Page::default()).await.expect("reports").items.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_taken_comes_back_with_everything_that_was_written() {
    let (rig, running) = started().await;
    let page = running.public("/report/danger").await.is(200).text();
    let old = token(&page);
    let long = "x".repeat(20_001);
    let forged = format!("{}A", &old[..old.len() - 1]);
    for (pairs, status, says) in [
        (vec![("token", old.as_str()), ("what", "my words 8d1")], 422, "where it is"),
        (vec![("token", old.as_str()), ("where", "board.test/8d1")], 422, "what is happening"),
        (vec![("where", "board.test/8d1"), ("what", "x")], 422, "more than a day"),
        (
            vec![("token", forged.as_str()), ("where", "board.test/8d1"), ("what", "x")],
            422,
            "more than a day",
        ),
        (
            vec![("token", old.as_str()), ("where", "board.test/8d1"), ("what", long.as_str())],
            422,
            "more than we can take",
        ),
    ] {
        let back = post_public(&running, "/report/danger", FORM, urlencoded(&pairs).as_bytes())
            .await
            .is(status)
            .text();
        assert!(back.contains(says) && back.contains("8d1"), "{says}: {back}");
    }
    rig.clock.advance(Duration::from_secs(25 * 3_600));
    let late = urlencoded(&[("token", &old), ("where", "board.test/1"), ("what", "my words 8d1")]);
    let back = post_public(&running, "/report/danger", FORM, late.as_bytes()).await.is(422).text();
    assert!(back.contains("my words 8d1"));
    // The page that came back has a fresh token: pressing Send again is enough.
    let again = urlencoded(&[("token", &token(&back)), ("where", "board.test/1"), ("what", "my words 8d1")]);
    post_public(&running, "/report/danger", FORM, again.as_bytes()).await.is(200);
    assert_eq!(rig.records.list_reports(None, Page::default()).await.expect("reports").items.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn bad_documents_are_refused_by_name_and_nothing_is_kept() {
    let (rig, running) = started().await;
    let huge = vec![b'x'; 50 << 20];
    let table: [(&str, &[u8], u16, &str); 8] = [
        ("application/json", b"{", 422, "report-refused"),
        ("application/json", b"{\"xarf_version\":\"4.2.0\",\"canary\":\"7f3a\"}", 422, "report-refused"),
        ("application/json", b"{\"category\":\"threat\",\"urls\":[]}", 422, "report-refused"),
        ("message/rfc822", b"canary7f3a", 422, "report-refused"),
        ("message/rfc822", &huge, 413, "body-too-large"),
        ("application/json", &huge, 413, "body-too-large"),
        ("image/png", b"x", 415, "report-format-unknown"),
        ("", b"", 415, "report-format-unknown"),
    ];
    for (media_type, body, status, reason) in table {
        let refused = post_public(&running, "/api/v1/reports", media_type, body).await.is(status);
        assert_eq!(refused.reason(), reason);
        assert!(!refused.text().contains("7f3a"), "a refusal repeats nothing: {}", refused.text());
    }
    post_public(&running, "/api/v1/reports?mode=lax", "application/json", b"{}").await.is(400);
    assert!(rig.records.list_reports(None, Page::default()).await.expect("reports").items.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_document_sent_again_is_known_and_gives_nobody_a_code() {
    let (_rig, running) = started().await;
    let body = json!({"category": "phishing", "urls": ["http://shop.test/login"], "text": "copies my bank"})
        .to_string();
    let first =
        post_public(&running, "/api/v1/reports", "application/json", body.as_bytes()).await.is(201).json();
    assert_eq!(first["code"].as_str().expect("code").split(' ').count(), 8);
    let replay = running.upload("/api/v1/reports", "application/json", body.as_bytes()).await.is(200).json();
    assert_eq!(replay, json!({"new": false, "code": null, "warned": false}));
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_code_ten_times_is_slowed_and_time_forgives() {
    let (rig, running) = started().await;
    let sent = [("where", "board.test"), ("what", "help")];
    let code = code(&report(&running, &sent).await.is(200).text());
    let wrong = "acid acid acid acid acid acid acid acid";
    for _ in 0..10 {
        let shown = status(&running, &[("code", wrong)]).await.is(404).text();
        assert!(shown.contains("open no report"));
    }
    let slow = status(&running, &[("code", &code)]).await.is(429);
    assert_eq!(slow.field("retry-after"), "2");
    rig.clock.advance(Duration::from_secs(3));
    status(&running, &[("code", &code)]).await.is(200);
    running.stop().await;
}

#[tokio::test]
async fn a_follow_up_works_three_weeks_later_after_a_restart() {
    let (mut rig, running) = started().await;
    let sent = [("where", "board.test"), ("what", "help")];
    let code = code(&report(&running, &sent).await.is(200).text());
    running.stop().await;
    rig.clock.advance(Duration::from_secs(21 * 86_400));
    let running = rig.start().await;
    status(&running, &[("code", &code), ("message", "it went on")]).await.is(200);
    running.stop().await;
}

#[tokio::test]
async fn an_erased_report_is_unreadable_for_everybody_and_its_code_says_so() {
    let (rig, running) = started().await;
    let sent = [("where", "board.test"), ("what", "the two men with the grey van")];
    let code = code(&report(&running, &sent).await.is(200).text());
    let held = rig.records.list_reports(None, Page::default()).await.expect("reports").items.remove(0).value;
    let erase = json!({"by": "intake-1", "reason": "asked for by code"});
    running.post(&format!("/api/v1/reports/{}/erase", held.id), erase.clone()).await.is(204);
    let opened =
        running.post(&format!("/api/v1/reports/{}/open", held.id), json!({"by": "intake-1"})).await.is(200);
    assert_eq!(opened.json()["text"], Value::Null);
    assert!(status(&running, &[("code", &code)]).await.is(200).text().contains("was erased"));
    let twice = running.post(&format!("/api/v1/reports/{}/erase", held.id), erase).await.is(409);
    assert_eq!(twice.reason(), "report-erased");
    running.stop().await;
}

#[tokio::test]
async fn roles_without_work_on_reports_open_none() {
    let (rig, running) = started().await;
    report(&running, &[("where", "board.test"), ("what", "help")]).await.is(200);
    let held = rig.records.list_reports(None, Page::default()).await.expect("reports").items.remove(0).value;
    let path = format!("/api/v1/reports/{}/open", held.id);
    let refused = running.post(&path, json!({"by": "authority-liaison-1"})).await.is(403);
    assert_eq!(refused.reason(), "role-may-not");
    assert!(rig.records.report_readings(held.id).await.expect("readings").is_empty());
    running.stop().await;
}

/// Duplicates are one line, their number shows only once ratings are sealed, and the gate never moves.
#[tokio::test]
async fn a_campaign_is_one_allegation_whose_volume_shows_after_the_ratings_alone() {
    let (rig, running) = started().await;
    let words = "this board must be taken down because it is full of hate and everybody knows it";
    for number in 0..12 {
        let words = format!("{words} {number}");
        report(&running, &[("where", "https://board.test/"), ("what", &words)]).await.is(200);
    }
    let lines = queue(&running).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["volume"], Value::Null);
    let id = lines[0]["id"].as_str().expect("id").to_owned();
    let listed = running.get(&format!("/api/v1/allegations/{id}/reports?limit=50")).await.is(200).json();
    assert_eq!(listed["items"].as_array().expect("items").len(), 3, "no number leaks by the list");
    assert_eq!(listed["next"], Value::Null);
    let signal = json!({"by": "intake-1", "kind": "campaign", "text": "a hashtag"});
    running.post(&format!("/api/v1/allegations/{id}/signals"), signal).await.is(204);

    let asked = json!({"account": "board", "allegation": "hate", "by": "intake-1"});
    let unrated = running.post("/api/v1/cases", asked).await.is(201).json();
    let assign = json!({"by": "intake-1", "case": unrated["case"]});
    running.post(&format!("/api/v1/allegations/{id}/case"), assign).await.is(204);
    assert_eq!(queue(&running).await[0]["volume"], Value::Null, "nothing is rated yet");
    running.post(&format!("/api/v1/allegations/{id}/close"), json!({"by": "intake-1"})).await.is(204);

    report(&running, &[("where", "https://board.test/"), ("what", words)]).await.is(200);
    let lines = queue(&running).await;
    let id = lines[0]["id"].as_str().expect("id").to_owned();
    let rated = open_case(&rig, &running).await;
    let before = running.get(&format!("/api/v1/cases/{rated}/gate")).await.is(200).json();
    running
        .post(&format!("/api/v1/allegations/{id}/case"), json!({"by": "intake-1", "case": rated}))
        .await
        .is(204);
    assert_eq!(queue(&running).await[0]["volume"]["reports"], 1);
    let after = running.get(&format!("/api/v1/cases/{rated}/gate")).await.is(200).json();
    assert_eq!((&before["input_hash"], &before["open"]), (&after["input_hash"], &after["open"]));
    running.stop().await;
}

/// A canary in every field of the vault, then the whole story; nothing that goes out or lies on disk holds it.
#[tokio::test]
async fn a_canary_in_every_vault_field_is_found_in_nothing_that_goes_out() {
    let (rig, running) = started().await;
    let canary = |field: &str| format!("zqcanary{field}x Zq{field}canary");
    let (what, who, contact) = (canary("what"), canary("who"), "zqcanarymailx@zqcanary.test".to_owned());
    let place = format!("https://board.test/zqcanaryurl\nnear zqcanaryplace {}", canary("where"));
    let sent = [
        ("where", place.as_str()),
        ("what", &what),
        ("who", &who),
        ("contact", &contact),
        ("forward", "yes"),
    ];
    let code = code(&report(&running, &sent).await.is(200).text());
    status(&running, &[("code", &code), ("message", "zqcanarythread")]).await.is(200);
    let xarf = json!({"type": "phishing", "url": "http://shop.test/zqcanaryxarf", "report_id": "zqcanaryid",
        "description": "zqcanarydescription", "reporter": {"org": "zqcanaryorg", "contact": "zqcanary@a.test", "domain": "a.test"},
        "evidence": [{"content_type": "text/plain", "payload": "zqcanarypayload"}], "source_identifier": "shop.test"});
    let fields = [("Content-Type", "application/json"), ("Idempotency-Key", "zq")];
    let bearer = format!("Bearer {}", running.token);
    let fields = [fields[0], fields[1], ("Authorization", bearer.as_str())];
    let body = xarf.to_string();
    send(running.control.listen(), "POST", "/api/v1/reports?mode=tolerant", &fields, body.as_bytes())
        .await
        .is(201);
    let held = rig.records.list_reports(None, Page::default()).await.expect("reports").items;
    let id = held[0].value.id;
    running
        .post(&format!("/api/v1/reports/{id}/messages"), json!({"by": "intake-1", "text": "zqcanarydesk"}))
        .await
        .is(204);
    let opened = format!("/api/v1/reports/{id}/open");
    running
        .call_with("POST", &opened, &[("Idempotency-Key", "zq2")], &json!({"by": "intake-1"}))
        .await
        .is(200);

    // A decision on the same board goes through to the public record.
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3_600).await;
    for officer in ["assessor-1", "duty-officer-1", "legal-1"] {
        let _ = super::rig::sign(&rig, &running, &decision, officer).await;
    }
    running.until_state(&decision, "in-force").await;
    let mut outgoing = Vec::new();
    for path in [
        "/record/",
        "/record/log/checkpoint",
        "/record/log/tile/0/000.p/5",
        "/record/log/tile/entries/000.p/5",
        "/report",
        "/report/status",
        "/report/danger",
        "/record/tlog-policy",
        "/record/feed.atom",
        "/record/dsa.json",
        "/record/transparency.json",
        "/appeal",
        "/healthz",
    ] {
        outgoing.push((path.to_owned(), running.public(path).await.body));
    }
    for form in ["", ".json", ".tlog-proof"] {
        let path = format!("/record/decisions/{decision}{form}");
        outgoing.push((path.clone(), running.public(&path).await.is(200).body));
    }
    for path in [
        "/api/v1/allegations",
        "/api/v1/cases",
        "/api/v1/status",
        "/metrics",
        "/reports",
        "/api/v1/sites",
        "/api/v1/decisions",
        "/api/v1/mails",
        "/api/v1/accounts/board/export",
    ] {
        outgoing.push((path.to_owned(), running.get(path).await.body));
    }
    let plane = running.control.plane();
    let held_decision =
        plane.docket.get(decision.parse().expect("id")).await.expect("records").expect("held").value;
    let account = held_decision.scope.sites()[0].account;
    let address = plane.appeal_address(held_decision.id, account).await.expect("an address");
    let path = address.strip_prefix("http://localhost:9091").expect("of the record").to_owned();
    outgoing.push((path.clone(), running.public(&path).await.is(200).body));
    let letter = held_decision.told(account, &address).expect("public");
    outgoing.push(("the letter".to_owned(), [letter.subject, letter.body].concat().into_bytes()));
    outgoing.push(("case".to_owned(), running.get(&format!("/api/v1/cases/{case}")).await.is(200).body));
    for report in held {
        let kept = serde_json::to_vec(&report.value).expect("json");
        outgoing.push(("a kept report".to_owned(), kept));
    }
    let leaves = records::Log::leaves(&*rig.records, 0..100).await.expect("leaves");
    outgoing.extend(leaves.into_iter().map(|leaf| ("a leaf".to_owned(), leaf.bytes)));
    for allegation in rig.records.list_allegations(false, Page::default()).await.expect("allegations").items {
        outgoing.push(("an allegation".to_owned(), serde_json::to_vec(&allegation.value).expect("json")));
    }
    files_below(rig.folder.path(), &mut outgoing);
    let seen = running.edge.state(|seen| format!("{:?}", seen.snapshot));
    outgoing.push(("the snapshot".to_owned(), seen.into_bytes()));
    assert!(outgoing.len() > 30);
    for (name, bytes) in outgoing {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains("zqcanary") && !text.contains("canary"), "{name} holds text of the vault");
    }
    running.stop().await;
}

fn files_below(folder: &std::path::Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).expect("file")));
        }
    }
}

/// A machine's report of this number, and what is answered.
async fn machine_report(running: &Running, number: u32) -> Answer {
    let body = json!({"type": "phishing", "url": format!("http://shop.test/{number}"), "report_id": number.to_string(),
        "description": format!("page {number}"), "source_identifier": "shop.test",
        "reporter": {"org": "many", "contact": "many@a.test", "domain": "a.test"}});
    let path = "/api/v1/reports?mode=tolerant";
    running.call_with("POST", path, &[("Idempotency-Key", &format!("n{number}"))], &body).await
}

#[tokio::test]
async fn a_reporter_of_many_unfounded_reports_is_told_and_slowed_and_danger_is_taken() {
    let (mut rig, mut running) = started().await;
    for number in 0..8 {
        let answer = machine_report(&running, number).await.is(201).json();
        assert_eq!(answer["warned"], number >= 5, "{number}");
        let held = rig.records.list_reports(None, Page::default()).await.expect("reports").items;
        let id = held.iter().find(|held| !matches!(held.value.state, reports::ReportState::Closed { .. }));
        let path = format!("/api/v1/reports/{}/close", id.expect("an open report").value.id);
        running.post(&path, json!({"by": "intake-1", "outcome": "unfounded"})).await.is(204);
    }
    // After a restart, too.
    for restarts in 0..2 {
        let slowed = machine_report(&running, 100).await.is(429);
        assert_eq!(slowed.reason(), "reporter-slowed");
        assert!(slowed.json()["wait_seconds"].as_u64().is_some_and(|wait| (1..=3_600).contains(&wait)));
        if restarts == 0 {
            running.stop().await;
            running = rig.start().await;
        }
    }
    let contact = [
        ("where", "https://board.test/1"),
        ("what", "They know where she lives."),
        ("contact", "many@a.test"),
    ];
    report(&running, &contact).await.is(200);
    rig.clock.advance(Duration::from_secs(3_600));
    machine_report(&running, 101).await.is(201);
    running.stop().await;
}

#[tokio::test]
async fn a_proposal_that_repeats_a_reporters_words_or_name_is_refused() {
    let (rig, running) = started().await;
    let sent = [
        ("where", "board.test"),
        ("what", "two men with a grey van wait at the corner"),
        ("who", "Zoë Grünwald"),
    ];
    report(&running, &sent).await.is(200);
    let case = open_case(&rig, &running).await;
    let path = format!("/api/v1/cases/{case}/proposals");
    for (field, words) in [
        ("title", json!("Block: ZOË GRÜNWALD is threatened")),
        ("summary", json!("Two men with a grey van were seen.")),
        ("facts", json!(["see https://board.test/zoë-grünwald"])),
    ] {
        let mut asked = proposal(3_600);
        asked[field] = words;
        let refused = running.post(&path, asked).await;
        assert_eq!((refused.status, refused.reason().as_str()), (409, "vault-text"), "{field}");
    }
    running.post(&path, proposal(3_600)).await.is(201);
    running.stop().await;
}

#[tokio::test]
async fn a_lost_vault_key_stops_the_start_instead_of_being_replaced() {
    let (rig, running) = started().await;
    report(&running, &[("where", "board.test"), ("what", "help")]).await.is(200);
    running.stop().await;
    let key = rig.data_dir().join("vault").join("vault.key");
    std::fs::remove_file(&key).expect("removed");
    let why = rig.refused_start().await;
    assert!(why.contains("vault.key is missing"), "{why}");
    assert!(!key.exists());
}

/// Non-interference: whatever reports and campaigns do, the verdict, its input hash and every rating stay the same.
#[tokio::test]
async fn ten_thousand_mutations_of_reports_and_campaigns_move_neither_verdict_nor_ratings() {
    let (rig, running) = started().await;
    let id = open_case(&rig, &running).await;
    let case_of = async || {
        let held = records::Cases::case(&*rig.records, id.parse().expect("id")).await.expect("read");
        held.expect("a case").value
    };
    let case = case_of().await;
    let now = rig.clock.now();
    let verdict = casework::gate(&case, policy::Measure::M5, now);
    assert!(verdict.open, "{:?}", verdict.reasons().collect::<Vec<_>>());
    let random = vocabulary::SeededRandom::new(10_000);
    let mut campaign = Campaign::new();
    for round in 0..10_000 {
        let mut louder = case.clone();
        louder.attention = campaign.mutate(&random, case.id, now);
        let again = casework::gate(&louder, policy::Measure::M5, now);
        assert_eq!(again, verdict, "round {round}");
        assert_eq!(casework::input_hash(&louder, policy::Measure::M5), verdict.input_hash, "round {round}");
        assert!(louder.findings.iter().map(|f| &f.ratings).eq(case.findings.iter().map(|f| &f.ratings)));
    }
    // And through the front door: the kept case is the same document, byte for byte.
    for number in 0..50 {
        let words = format!("take it down now, everybody says so, number {number}");
        report(&running, &[("where", "https://board.test/"), ("what", &words)]).await.is(200);
    }
    for line in queue(&running).await {
        let path = format!("/api/v1/allegations/{}/case", line["id"].as_str().expect("id"));
        running.post(&path, json!({"by": "intake-1", "case": id})).await.is(204);
    }
    assert_eq!(case_of().await, case);
    running.stop().await;
}

/// Reports and signals that multiply, vanish and change places.
struct Campaign {
    key: reports::SimilarityKey,
    clusters: reports::Clusters,
    allegations: Vec<reports::Allegation>,
    attention: casework::Attention,
}

impl Campaign {
    fn new() -> Self {
        Self {
            key: reports::SimilarityKey::new([3; 32]),
            clusters: reports::Clusters::default(),
            allegations: Vec::new(),
            attention: casework::Attention::default(),
        }
    }

    fn mutate(
        &mut self,
        random: &vocabulary::SeededRandom,
        case: vocabulary::CaseId,
        now: vocabulary::Timestamp,
    ) -> casework::Attention {
        match random.below(6) {
            0 => drop(self.allegations.pop()),
            1 => self.allegations.reverse(),
            2 => {
                let signal =
                    reports::Signal { kind: reports::SignalKind::Press, text: "a paper".to_owned(), at: now };
                self.allegations.last_mut().map(|allegation| allegation.note(signal));
                self.attention.campaign_signals += random.below(1_000);
            }
            3 => self.attention = casework::Attention::default(),
            _ => self.report(random, case, now),
        }
        self.attention
    }

    fn report(
        &mut self,
        random: &vocabulary::SeededRandom,
        case: vocabulary::CaseId,
        now: vocabulary::Timestamp,
    ) {
        let category = reports::Category::ALL[random.below(9) as usize].name();
        let body = format!(
            "category={category}&where=board.test/{}&what=take+it+down+{}",
            random.below(5),
            random.below(50)
        );
        let form = reports::form::Form::parse(body.as_bytes()).expect("form");
        let sent = form.submission().expect("report");
        let trace = self.key.trace(&sent);
        let dyn_random: &dyn vocabulary::Random = random;
        let id = self.clusters.find(sent.category, &sent.hosts, &trace);
        let id = id.unwrap_or_else(|| vocabulary::AllegationId::random(dyn_random));
        self.clusters.learn(id, sent.category, &sent.hosts, &trace);
        if !self.allegations.iter().any(|held| held.id == id) {
            self.allegations.push(reports::Allegation::open(id, sent.category, sent.danger, now));
        }
        for held in self.allegations.iter_mut().filter(|held| held.id == id) {
            let _ = held.join(sent.danger, (&sent.hosts, &Default::default()), &trace, now);
            let _ = held.assign(case);
        }
        self.attention.reports += 1 + random.below(100);
    }
}

/// An alarm for people in danger whom nobody has looked at, whatever comes in after them.
#[tokio::test]
async fn danger_that_nobody_looks_at_raises_an_alarm_and_stays_in_front() {
    let (rig, running) = started().await;
    report(&running, &[("where", "https://board.test/t/7"), ("what", "they wrote where I live")])
        .await
        .is(200);
    let alarmed =
        async || running.get("/api/v1/status").await.json()["alarms"].to_string().contains("triage-overdue");
    rig.clock.advance(Duration::from_secs(14 * 60));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!alarmed().await, "in time yet");
    rig.clock.advance(Duration::from_secs(60));
    let until = async |wanted: bool| {
        for _ in 0..400 {
            if alarmed().await == wanted {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        false
    };
    assert!(until(true).await);
    for number in 0..3 {
        let place = format!("https://news.test/{number}");
        report(&running, &[("where", place.as_str()), ("what", "another one altogether")]).await.is(200);
    }
    let first = running.get("/api/v1/allegations?limit=1").await.is(200).json();
    assert_eq!(first["items"][0]["hosts"], json!(["board.test"]), "{first}");
    let next = format!("/api/v1/allegations?limit=1&after={}", first["next"].as_str().expect("more"));
    assert_eq!(running.get(&next).await.is(200).json()["items"].as_array().map(Vec::len), Some(1));
    let case = open_case(&rig, &running).await;
    let path = format!("/api/v1/allegations/{}/case", first["items"][0]["id"].as_str().expect("id"));
    running.post(&path, json!({"by": "intake-1", "case": case})).await.is(204);
    assert!(until(false).await, "looked at");
    running.stop().await;
}
