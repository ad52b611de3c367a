//! The published samples, each way to break one, and seeded mutations.

use super::*;
use serde_json::json;
use std::path::PathBuf;
use vocabulary::SeededRandom;

fn phishing() -> Value {
    json!({
        "xarf_version": "4.2.0", "report_id": "1a5ec293-0849-40a4-9eba-d5926262ff05",
        "timestamp": "2025-01-11T15:15:24Z",
        "reporter": {"org": "Example Watch", "contact": "desk@watch.example", "domain": "watch.example"},
        "sender": {"org": "Example Watch", "contact": "desk@watch.example", "domain": "watch.example"},
        "source_identifier": "203.0.113.45", "category": "content", "type": "phishing",
        "url": "http://login.example.com/auth", "description": "a copy of a bank",
        "evidence": [{"content_type": "image/png", "payload": "iVBORw0K"}], "tags": ["target:banking"]
    })
}

fn strict(value: &Value) -> Result<Submission, IntakeError> {
    parse(value.to_string().as_bytes(), Strictness::Strict)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test finds its shared data beside the project or where it is told"
)]
fn shared(name: &str) -> PathBuf {
    let told = std::env::var_os("WARDMOTE_SHARED").map(PathBuf::from);
    told.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"))).join(name)
}

#[test]
fn every_published_sample_is_read_strictly() {
    let Ok(folder) = std::fs::read_dir(shared("data/xarf/samples/v4")) else {
        eprintln!("skipped: no shared data");
        return;
    };
    let mut read = 0;
    for file in folder {
        let path = file.expect("entry").path();
        let bytes = std::fs::read(&path).expect("file");
        for strictness in [Strictness::Strict, Strictness::Tolerant] {
            let taken =
                parse(&bytes, strictness).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(!taken.hosts.is_empty());
            let kept: Value = serde_json::from_str(taken.text.original.expose()).unwrap_or_default();
            let files = kept["evidence"].as_array().cloned().unwrap_or_default();
            assert!(files.iter().all(|file| file.get("payload").is_none()), "evidence is not kept");
        }
        read += 1;
    }
    assert!(read >= 32, "{read} samples");
}

#[test]
fn a_report_is_read_whole() {
    let read = strict(&phishing()).expect("report");
    assert_eq!((read.channel, read.category), (Channel::Xarf, Category::Phishing));
    assert_eq!(
        read.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["203.0.113.45", "login.example.com"]
    );
    assert_eq!(read.happened_at.expect("time").to_string(), "2025-01-11T15:15:24.000Z");
    assert_eq!(read.reference.as_deref(), Some("1a5ec293-0849-40a4-9eba-d5926262ff05"));
    assert_eq!(read.text.contact.expose(), "desk@watch.example");
    assert_eq!(read.text.words.expose(), "a copy of a bank");
}

#[test]
fn each_departure_is_refused_strictly_and_named() {
    let set = |field: &str, value: Value| {
        let mut document = phishing();
        document[field] = value;
        document
    };
    let without = |field: &str| {
        let mut document = phishing();
        document.as_object_mut().expect("object").remove(field);
        document
    };
    let mut table: Vec<(Value, &str)> =
        types::REQUIRED.iter().map(|field| (without(field), "report-field-missing")).collect();
    table.extend([
        (without("url"), "report-field-missing"),
        (set("xarf_version", json!("3")), "report-field-mistaken"),
        (set("xarf_version", json!("4.2")), "report-field-mistaken"),
        (set("report_id", json!("17")), "report-field-mistaken"),
        (set("timestamp", json!("yesterday")), "report-field-mistaken"),
        (set("reporter", json!("me")), "report-field-mistaken"),
        (
            set("reporter", json!({"org": "x", "contact": "nobody", "domain": "a.test"})),
            "report-field-mistaken",
        ),
        (
            set("reporter", json!({"org": "x", "contact": "a@b.test", "domain": "a b"})),
            "report-field-mistaken",
        ),
        (set("sender", json!({"org": "x", "contact": "a@b.test"})), "report-field-mistaken"),
        (set("source_identifier", json!(7)), "report-field-mistaken"),
        (set("source_port", json!(70_000)), "report-field-mistaken"),
        (set("category", json!("gossip")), "report-field-mistaken"),
        (set("type", json!("ddos")), "report-field-mistaken"),
        (set("evidence", json!({})), "report-field-mistaken"),
        (set("evidence", json!([{"payload": "x"}])), "report-field-mistaken"),
        (set("evidence", json!(vec![json!({"content_type": "a/b", "payload": ""}); 51])), "report-too-large"),
        (set("tags", json!(["Nope"])), "report-field-mistaken"),
        (set("confidence", json!(2)), "report-field-mistaken"),
        (set("description", json!("x".repeat(1_001))), "report-field-mistaken"),
        (set("_internal", json!({"ticket": 1})), "report-field-mistaken"),
    ]);
    for (document, name) in table {
        let refused = strict(&document).expect_err(&document.to_string());
        assert_eq!(refused.name(), name, "{refused}");
    }
    for text in ["", "[]", "{", "\"x\"", "\u{0}"] {
        assert_eq!(parse(text.as_bytes(), Strictness::Strict).expect_err(text).name(), "report-malformed");
    }
    let huge = vec![b' '; DOCUMENT_BYTES_MAX + 1];
    assert_eq!(parse(&huge, Strictness::Tolerant).expect_err("huge").name(), "report-too-large");
    // Depth is the JSON reader's own bound.
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(parse(deep.as_bytes(), Strictness::Tolerant).expect_err("deep").name(), "report-malformed");
}

#[test]
fn tolerant_takes_what_is_clear() {
    for document in [
        json!({"type": "phishing", "url": "hxxp://login[.]example[.]com/"}),
        json!({"type": "something_new", "category": "content", "source_identifier": "login.example.com", "timestamp": "then"}),
        json!({"Version": "3", "ReporterInfo": {"ReporterOrg": "Watch", "ReporterOrgEmail": "a@watch.example"},
               "Report": {"ReportClass": "Content", "ReportType": "Phishing", "SourceUrl": "http://login.example.com/x",
                          "SourceIp": "203.0.113.45", "Date": "2025-01-11T15:15:24Z"}}),
    ] {
        let bytes = document.to_string();
        assert!(parse(bytes.as_bytes(), Strictness::Strict).is_err());
        let read = parse(bytes.as_bytes(), Strictness::Tolerant).expect(&bytes);
        assert!(read.hosts.iter().any(|host| host.as_str() == "login.example.com"), "{bytes}");
    }
    for unclear in [json!({}), json!({"type": "phishing"}), json!({"url": "http://a.test/"})] {
        assert!(parse(unclear.to_string().as_bytes(), Strictness::Tolerant).is_err(), "{unclear}");
    }
}

#[test]
fn of_child_abuse_only_the_hotlines_reference_is_kept() {
    let mut document = phishing();
    document["type"] = json!("csam");
    document["classification"] = json!("A1");
    document["detection_method"] = json!("hash_match");
    document["ncmec_report_id"] = json!("12345678");
    let read = strict(&document).expect("report");
    assert_eq!(read.category, Category::ChildAbuse);
    assert_eq!(read.reference.as_deref(), Some("12345678"));
    assert!(read.text.urls.is_empty() && read.text.original.is_blank() && read.text.words.is_blank());
}

/// `fuzz/fuzz_targets/report_xarf.rs` drives the same entry point with coverage.
#[test]
fn no_mutation_of_a_document_panics() {
    let random = SeededRandom::new(4);
    let text = phishing().to_string();
    for round in 0..3_000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random.below(4) {
            let place = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => bytes[place] = random.below(256) as u8,
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, b"{}[]\",:0"[random.below(8) as usize]),
            }
        }
        let strictness = if round % 2 == 0 { Strictness::Strict } else { Strictness::Tolerant };
        let _ = parse(&bytes, strictness);
    }
}
