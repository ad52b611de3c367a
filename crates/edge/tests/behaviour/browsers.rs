//! A real browser over HTTP/3.

use crate::support::{HOST, Stage};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[tokio::test]
async fn a_real_browser_comes_by_http_3() {
    let stage = Stage::set().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e");
    let port = stage.edge.https()[0].port().to_string();
    let browsing = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("node");
        command
            .current_dir(folder)
            .arg("http3.mjs")
            .args([HOST, &port, "/page", "/stored", "/other", "/none"]);
        command.output().expect("node is installed by script/bootstrap")
    });
    let origin = async {
        loop {
            let mut peer = stage.origin.wait_for().await;
            let head = peer.head().await;
            let target = head.line().split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, fields) = match target.as_str() {
                "/stored" => ("200 OK", "CDN-Cache-Control: max-age=60\r\n"),
                "/page" => ("200 OK", "Content-Type: text/html\r\nCache-Control: no-store\r\n"),
                _ => ("404 Not Found", ""),
            };
            let length = target.len();
            peer.send(format!(
                "HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n{target}"
            ))
            .await;
        }
    };
    let output = tokio::select! {
        output = browsing => output.expect("no panic"),
        () = origin => return,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
    let seen: Vec<_> = told
        .iter()
        .map(|one| {
            (one["path"].as_str(), one["status"].as_u64(), one["protocol"].as_str(), one["text"].as_str())
        })
        .collect();
    let expected = [("/page", 200), ("/stored", 200), ("/other", 404), ("/none", 404)];
    let expected = expected.map(|(path, status)| (Some(path), Some(status), Some("h3"), Some(path)));
    assert_eq!(seen, expected);
    assert!(stage.edge.figures().protocols[3] >= 3);
}
