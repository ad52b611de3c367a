//! What a newcomer sees: one command, a real site, a console; and how it ends.

use crate::harness::{Connection, Nginx, Reply, SLOW_BYTES, Setup, Wardmote};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

fn redeem(wardmote: &Wardmote, token: &str) -> Reply {
    let body = json!({ "token": token }).to_string();
    let fields = [("Content-Type", "application/json")];
    let host = wardmote.setup.control.to_string();
    let path = "/api/v1/session/setup";
    Connection::to(wardmote.setup.control).ask("POST", &host, path, &fields, Some(body.as_bytes()))
}

fn printed_token(output: &str) -> String {
    let rest = output.rsplit("/setup#t=").next().expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn up_without_sites_serves_the_demonstration_and_prints_where_everything_is() {
    let wardmote = Setup::new().up(&[]);
    let page = wardmote.visit("localhost", "/").status(200);
    assert!(page.text().contains("<h1>"), "{}", page.text());
    let again = wardmote.visit("localhost", "/").status(200);
    assert!(again.field("cache-status").is_some_and(|status| status.contains("hit")), "{again:?}");
    wardmote.visit("branch.localhost", "/hours").status(200);
    wardmote.visit("stranger.test", "/").status(421);

    let output = wardmote.output();
    let (http, public) = (wardmote.setup.http.port(), wardmote.setup.public.port());
    for part in [
        " ok  data in ".to_owned(),
        "/data/ca/ca.pem".to_owned(),
        format!(" Site     http://localhost:{http}/ "),
        format!(" Record   http://localhost:{public}/record/"),
    ] {
        assert!(output.contains(&part), "{part}: {output}");
    }
    let token = printed_token(&output);
    redeem(&wardmote, &token).status(204);
    assert_eq!(redeem(&wardmote, &token).status, 403, "the link works once");

    // A second start finds everything as it was and offers a new link.
    let wardmote = wardmote.stop().up(&[]);
    wardmote.visit("localhost", "/").status(200);
    assert_ne!(printed_token(&wardmote.output()), token);
    wardmote.stop();
}

#[test]
fn metrics_and_health_answer_on_the_control_listener() {
    let wardmote = Setup::new().up(&[]);
    wardmote.visit("localhost", "/").status(200);
    for (path, part) in [("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "wardmote_requests_total")] {
        let host = wardmote.setup.control.to_string();
        let reply = Connection::to(wardmote.setup.control).get(&host, path).status(200);
        assert!(reply.text().contains(part), "{path}: {}", reply.text());
    }
    wardmote.stop();
}

#[test]
fn an_answer_under_way_may_finish_while_the_process_ends() {
    let origin = Nginx::start();
    let wardmote = Setup::new().up(&["--site", "shop.test", "--to", &format!("127.0.0.1:{}", origin.port)]);
    let address = wardmote.setup.http;
    thread::scope(|scope| {
        let download = scope.spawn(move || crate::harness::get(address, "shop.test", "/slow"));
        thread::sleep(Duration::from_millis(700));
        let began = Instant::now();
        wardmote.stop();
        let took = began.elapsed();
        assert!(took > Duration::from_millis(500) && took < Duration::from_secs(12), "ended after {took:?}");
        assert_eq!(download.join().unwrap().status(200).body.len(), SLOW_BYTES);
    });
}
