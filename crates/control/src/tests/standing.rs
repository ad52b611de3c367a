//! Forms of what concerns no case alone, as a browser without scripts sends them.

use super::rig::*;
use super::session::Session;
use records::EvidenceVault as _;
use serde_json::{Value, json};

/// Signs a parcel beside the browser; the line to paste, as a form sends it.
fn line(rig: &Rig, parcel: &Value, by: &str) -> String {
    let bytes = parcel["bytes"].as_str().expect("bytes").as_bytes();
    let approval = json!(rig.officer(by).approve(bytes)).to_string();
    url::form_urlencoded::byte_serialize(approval.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_set_everything_aside_and_take_one_away_by_forms_alone() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let decision = blocked(&rig, &running).await;
    let session = Session::open(&running, "/acts/suspend-all").await;
    let put_up = async || session.send_form(&running, "/acts/suspend-all", "by=legal-1&confirm=").await;
    let sign = "/acts/sign-standing?of=suspend-all";
    assert_eq!(put_up().await.is(303).field("location"), sign);
    session.send_form(&running, "/acts/withdraw-suspension", "by=legal-1").await.is(303);
    assert!(session.get(&running, sign).await.is(200).text().contains("Nothing waits"));
    session.get(&running, "/acts/sign/parcel?of=suspend-all").await.is(404);
    put_up().await.is(303);
    let waits = session.get(&running, "/acts/suspend-all").await.is(200).text();
    assert!(waits.contains("One waits for signatures") && waits.contains("legal-1 put one up"), "{waits}");
    let again = put_up().await.is(409).text();
    assert!(again.contains("waiting for signatures already"), "{again}");
    let parcel = session.get(&running, "/acts/sign/parcel?of=suspend-all").await.is(200);
    assert!(parcel.field("content-disposition").contains("suspend-all.sign.json"));
    let parcel = parcel.json();
    for by in ["legal-1", "assessor-1"] {
        let form = format!("approval={}", line(&rig, &parcel, by));
        session.send_form(&running, sign, &form).await.is(303);
    }
    running.edge.until("the suspension", |seen| seen.suspensions == 1).await;
    assert!(running.get("/api/v1/status").await.text().contains("measures-suspended"), "{decision}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entry_hides_is_put_up_for_erasing_by_a_form_that_says_until_when_it_is_kept() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let decision = blocked(&rig, &running).await;
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    let index = shown["log"]["index"].as_u64().expect("its place");
    let session = Session::open(&running, "/acts/erase-fields").await;
    let form = |index: &str| format!("by=legal-1&index={index}&reason=asked+for");
    let kept = session.send_form(&running, "/acts/erase-fields", &form(&index.to_string())).await;
    assert!(
        kept.status == 409 && kept.text().contains("asked for"),
        "every word comes back: {}",
        kept.text()
    );
    let none = session.send_form(&running, "/acts/erase-fields", &form("first")).await.is(400);
    assert!(none.text().contains("whole number"), "{}", none.text());
    rig.clock.advance(std::time::Duration::from_secs(48 * 3_600 + 1));
    running.until_state(&decision, "lapsed").await;
    rig.clock.advance(policy::KEPT_AFTER_END);
    let put_up = session.send_form(&running, "/acts/erase-fields", &form(&index.to_string())).await;
    // Twelve hours end a session; a new one goes on.
    let session =
        if put_up.status == 401 { Session::open(&running, "/acts/erase-fields").await } else { session };
    let put_up = session.send_form(&running, "/acts/erase-fields", &form(&index.to_string())).await;
    let sign = put_up.is(303).field("location").to_owned();
    let parcel = session.get(&running, &format!("/acts/sign/parcel?of=erasure:{index}")).await.is(200).json();
    for by in ["legal-1", "assessor-2"] {
        let form = format!("approval={}", line(&rig, &parcel, by));
        session.send_form(&running, &sign, &form).await.is(303);
    }
    let path = format!("/api/v1/decisions/{decision}/disclosure");
    let asked = json!({"by": "legal-1", "fields": ["evidence"]});
    let mut told = 200;
    for _ in 0..400 {
        told = running.post(&path, asked.clone()).await.status;
        if told == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(told, 404, "the fields are gone");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_given_to_who_says_who_reads_it_and_that_is_noted_first() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let file = seal(&running, &case, b"a capture").await;
    let path = format!("/acts/read-evidence?case={case}&of={file}");
    let session = Session::open(&running, &path).await;
    let page = session.get(&running, &format!("/cases/{case}")).await.is(200).text();
    assert!(
        page.contains(&path.replace('&', "&#38;")) || page.contains(&path.replace('&', "&amp;")),
        "{page}"
    );
    session.send_form(&running, &path, "by=nobody-1").await.is(409);
    let read = session.send_form(&running, &path, "by=assessor-1").await.is(200);
    assert_eq!((read.body.as_slice(), read.field("content-disposition")), (&b"a capture"[..], "attachment"));
    let readings = rig.records.readings_of(file.parse().expect("an id")).await.expect("readings");
    assert_eq!(readings.iter().map(|one| one.reader.as_str()).collect::<Vec<_>>(), ["assessor/assessor-1"]);
    // The address of one case's form opens no other case's file.
    let other = open_case_about(&rig, &running, "shop").await;
    let elsewhere = format!("/acts/read-evidence?case={other}&of={file}");
    assert_ne!(session.send_form(&running, &elsewhere, "by=assessor-1").await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_ended_by_its_number_on_a_form() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let appeal = json!({"by": "customer", "against": "inaction", "grounds": "Nobody looked."});
    let filed = running.post(&format!("/api/v1/cases/{case}/appeals"), appeal).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/appeals/{}/pass", filed["appeal"].as_str().expect("an id"));
    let given =
        running.post(&path, json!({"by": "reviewer-1", "reviewer": "reviewer-1"})).await.is(201).json();
    let code = format!("code={}", given["code"].as_str().expect("a code").replace(' ', "+"));
    let at = running.control.public();
    let open = async || {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        send(at, "POST", "/desk", &form, code.as_bytes()).await.status
    };
    assert_eq!(open().await, 200);
    let session = Session::open(&running, "/acts/end-pass").await;
    let refused = session.send_form(&running, "/acts/end-pass", "by=legal-1&pass=x").await.is(400);
    assert!(refused.text().contains("64 digits"), "{}", refused.text());
    let form = format!("by=legal-1&pass={}", given["pass"].as_str().expect("a number"));
    session.send_form(&running, "/acts/end-pass", &form).await.is(303);
    assert_eq!(open().await, 404);
    running.stop().await;
}
