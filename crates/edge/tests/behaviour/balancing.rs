//! Several origins: who is asked, who is left out, and what is sent a second time.

use crate::support::{Stage, get};
use snapshot::{Balance, HealthCheck, Origin, OriginPolicy, Probe, Site};
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Responder;

const WELL: &str = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nhi";
const ILL: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nill";

async fn two(first: &str, second: &str) -> [Responder; 2] {
    [Responder::saying(first).await, Responder::saying(second).await]
}

/// Puts these origins behind the site.
fn behind(site: &mut Site, addresses: &[SocketAddr]) {
    let origins = addresses.iter().map(|address| Origin { port: address.port(), ..site.origins[0].clone() });
    site.origins = origins.collect();
}

async fn stage(origins: &[Responder], set: impl FnOnce(&mut OriginPolicy)) -> Stage {
    let addresses: Vec<_> = origins.iter().map(Responder::address).collect();
    let site = |site: &mut Site| {
        behind(site, &addresses);
        set(&mut site.origin_policy);
    };
    Stage::set_with(|_| {}, site).await
}

async fn status(stage: &Stage, request: &str) -> u16 {
    stage.ask(request).await.0.status()
}

fn counts(origins: &[Responder]) -> Vec<usize> {
    origins.iter().map(Responder::count).collect()
}

/// Waits until a figure of the edge is so.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never came: {what}");
}

#[tokio::test]
async fn requests_go_round_as_often_as_the_weights_say() {
    let origins = two(WELL, WELL).await;
    let addresses: Vec<_> = origins.iter().map(Responder::address).collect();
    let site = |site: &mut Site| {
        behind(site, &addresses);
        site.origins[0].weight = 3;
    };
    let stage = Stage::set_with(|_| {}, site).await;
    for _ in 0..12 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert_eq!(counts(&origins), [9, 3]);
    let text = stage.edge.prometheus();
    let line = format!("origin=\"http://127.0.0.1:{}\"}} 9", addresses[0].port());
    let told = |name: &str, end: &str| text.lines().any(|l| l.starts_with(name) && l.ends_with(end));
    assert!(told("wardmote_site_origin_requests_total", &line), "{text}");
}

#[tokio::test]
async fn the_one_with_the_fewest_requests_outstanding_is_asked() {
    let slow = testkit::Origin::listen().await;
    let quick = Responder::saying(WELL).await;
    let addresses = [slow.address(), quick.address()];
    let site = |site: &mut Site| {
        behind(site, &addresses);
        site.origin_policy.balance = Balance::LeastOutstanding;
    };
    let stage = Stage::set_with(|_| {}, site).await;
    let mut waiting = stage.visit().await;
    waiting.send(get("/slow")).await;
    let mut origin = slow.accept().await;
    origin.head().await;
    for _ in 0..6 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert_eq!(quick.count(), 6, "the other has one to answer still");
    origin.send(WELL).await;
    assert_eq!(waiting.head().await.status(), 200);
}

#[tokio::test]
async fn what_is_hashed_goes_to_the_same_origin_and_only_its_own_moves_when_one_goes() {
    for (balance, requests) in [
        (Balance::HashUrl, (0..16).map(|n| get(&format!("/{n}"))).collect::<Vec<_>>()),
        (
            Balance::HashCookie("sid".to_owned()),
            (0..16)
                .map(|n| get("/").replace("\r\n\r\n", &format!("\r\nCookie: a=b; sid={n}\r\n\r\n")))
                .collect(),
        ),
    ] {
        let [first, second] = two(&WELL.replace("hi", "A!"), &WELL.replace("hi", "B!")).await;
        let origins = [first, second];
        let stage = stage(&origins, |policy| policy.balance = balance.clone()).await;
        let mut before = Vec::new();
        for request in &requests {
            before.push(stage.ask(request).await.1);
            assert_eq!(stage.ask(request).await.1, *before.last().expect("one"), "the same again");
        }
        let [first, second] = counts(&origins)[..] else { panic!("two") };
        assert!(first > 0 && second > 0, "{balance:?} uses both: {first} and {second}");
        let [gone, _stays] = origins;
        gone.stop().await;
        for (request, before) in requests.iter().zip(&before) {
            let after = stage.ask(request).await.1;
            assert!(after == *before || before.as_slice() == b"A!", "{balance:?}: only what was lost moves");
            assert_eq!(after, b"B!");
        }
    }
}

#[tokio::test]
async fn with_failover_the_second_is_asked_only_while_the_first_is_away() {
    let origins = two(WELL, WELL).await;
    let stage = stage(&origins, |policy| policy.balance = Balance::Failover).await;
    for _ in 0..4 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert_eq!(counts(&origins), [4, 0]);
    let [first, second] = origins;
    let address = first.address();
    first.stop().await;
    assert_eq!(status(&stage, &get("/")).await, 200);
    assert_eq!(second.count(), 1);
    second.stop().await;
    assert_eq!(status(&stage, &get("/")).await, 502);
    let back = Responder::listen_at(address, WELL).await;
    for _ in 0..4 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert_eq!(back.count(), 4);
}

#[tokio::test]
async fn a_run_of_failures_puts_an_origin_out_and_after_its_time_it_comes_back_slowly() {
    let origins = two(ILL, WELL).await;
    let stage = stage(&origins, |policy| {
        policy.ejection.after = 3;
        policy.ejection.base_ms = 10_000;
        policy.ejection.slow_return_ms = 10_000;
    })
    .await;
    for _ in 0..6 {
        status(&stage, &get("/")).await;
    }
    assert_eq!(counts(&origins), [3, 3]);
    origins[0].say(WELL);
    for _ in 0..6 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert_eq!(counts(&origins), [3, 9], "it is out");
    let figures = stage.edge.figures();
    let site = stage.sites[0].id;
    let ill = figures.origins.iter().find(|one| one.site == site).expect("its figures");
    assert_eq!((ill.failures, ill.ejections, ill.whole, ill.up), (3, 1, false, true));
    stage.clock.advance(Duration::from_secs(10));
    for _ in 0..40 {
        status(&stage, &get("/")).await;
    }
    let came = origins[0].count() - 3;
    assert!((1..15).contains(&came), "a tenth of its turns and a little: {came} of 20");
    stage.clock.advance(Duration::from_secs(10));
    let before = origins[0].count();
    for _ in 0..10 {
        status(&stage, &get("/")).await;
    }
    assert_eq!(origins[0].count() - before, 5, "its full share");
}

#[tokio::test]
async fn the_last_origin_is_never_put_out() {
    let origins = two(ILL, ILL).await;
    let stage = stage(&origins, |policy| policy.ejection.after = 2).await;
    for _ in 0..20 {
        assert_eq!(status(&stage, &get("/")).await, 503);
    }
    assert_eq!(counts(&origins).iter().sum::<usize>(), 20, "each request is answered by an origin");
    origins.iter().for_each(|origin| origin.say(WELL));
    assert_eq!(status(&stage, &get("/")).await, 200);
    let ejections: u64 = stage.edge.figures().origins.iter().map(|one| one.ejections).sum();
    assert_eq!(ejections, 1);
}

#[tokio::test]
async fn an_origin_that_does_not_pass_its_checks_gets_no_requests_until_it_does() {
    let origins = two(WELL, WELL).await;
    let check = HealthCheck {
        interval_ms: 20,
        fall: 2,
        rise: 2,
        ..HealthCheck::with(Probe::Http {
            path: "/up".to_owned(),
            host: Some("health.test".to_owned()),
            status_min: 200,
            status_max: 299,
        })
    };
    let stage = stage(&origins, |policy| {
        policy.health = Some(check);
        policy.ejection.after = 0;
        policy.ejection.slow_return_ms = 0;
    })
    .await;
    let site = stage.sites[0].id;
    let up = |stage: &Stage| {
        let figures = stage.edge.figures();
        figures.origins.iter().filter(|one| one.site == site).map(|one| one.up).collect::<Vec<_>>()
    };
    until("the first check", || origins.iter().all(|origin| origin.count() > 0)).await;
    let head = origins[0].heads().remove(0);
    assert!(head.starts_with("GET /up HTTP/1.1\r\nhost: health.test\r\n"), "{head}");
    assert_eq!(up(&stage), [true, true]);
    origins[0].say(ILL);
    until("the first is down", || up(&stage) == [false, true]).await;
    for _ in 0..6 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    let visited =
        |origin: &Responder| origin.heads().iter().filter(|head| head.starts_with("GET / ")).count();
    assert_eq!((visited(&origins[0]), visited(&origins[1])), (0, 6));
    origins[1].say(ILL);
    until("both are down", || up(&stage) == [false, false]).await;
    assert_eq!(status(&stage, &get("/")).await, 503, "where none is up, all are used");
    origins.iter().for_each(|origin| origin.say(WELL));
    until("both are up", || up(&stage) == [true, true]).await;
    for _ in 0..4 {
        assert_eq!(status(&stage, &get("/")).await, 200);
    }
    assert!(visited(&origins[0]) >= 2);
}

#[tokio::test]
async fn a_tcp_check_finds_a_port_that_nobody_listens_on_and_the_watch_ends_with_its_setting() {
    let [gone, stays] = two(WELL, WELL).await;
    let addresses = [gone.address(), stays.address()];
    let site = |site: &mut Site| {
        behind(site, &addresses);
        site.origin_policy.health =
            Some(HealthCheck { interval_ms: 20, fall: 1, rise: 1, ..HealthCheck::with(Probe::Tcp) });
    };
    let mut stage = Stage::set_with(|_| {}, site).await;
    gone.stop().await;
    let down = |stage: &Stage| stage.edge.figures().origins.iter().filter(|one| !one.up).count();
    until("one is down", || down(&stage) == 1).await;
    stage.sites[0].origin_policy.health = None;
    stage.publish().await;
    until("nobody asks any more", || down(&stage) == 0).await;
}

#[tokio::test]
async fn a_request_that_may_be_repeated_goes_to_another_origin_where_the_first_hangs_up() {
    let origins = two("", WELL).await;
    let stage = stage(&origins, |policy| policy.ejection.after = 0).await;
    for n in 0..4 {
        assert_eq!(status(&stage, &get(&format!("/{n}"))).await, 200);
    }
    let put = "PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    for _ in 0..2 {
        assert_eq!(status(&stage, put).await, 200, "its content is held and sent again");
    }
    let puts = |origin: &Responder| origin.heads().iter().filter(|head| head.starts_with("PUT")).count();
    assert_eq!((puts(&origins[0]), puts(&origins[1])), (1, 2));
    let retries = stage.edge.figures().retries;
    assert_eq!(retries.iter().map(|one| one.retries).sum::<u64>(), 3);
}

#[tokio::test]
async fn a_request_that_may_not_be_repeated_is_sent_once_and_goes_on_only_where_no_connection_came_about() {
    let origins = two("", WELL).await;
    let post = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    let bare = "POST /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let stage = stage(&origins, |policy| {
        policy.balance = Balance::Failover;
        policy.ejection.after = 0;
    })
    .await;
    for request in [post, bare] {
        assert_eq!(status(&stage, request).await, 502);
    }
    assert_eq!(counts(&origins), [2, 0], "nobody knows what the first has done with it");
    let [gone, stays] = origins;
    gone.stop().await;
    for request in [post, bare] {
        assert_eq!(status(&stage, request).await, 200);
    }
    assert_eq!(stays.count(), 2);
}

#[tokio::test]
async fn content_too_long_to_be_held_is_sent_once() {
    let origins = two("", WELL).await;
    let stage = stage(&origins, |policy| policy.balance = Balance::Failover).await;
    let length = 64 * 1024 + 1;
    let put =
        format!("PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length));
    assert_eq!(status(&stage, &put).await, 502);
    assert_eq!(counts(&origins), [1, 0]);
}

#[tokio::test]
async fn nothing_is_asked_for_again_once_something_of_an_answer_has_gone_out() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nbroken";
    let origins = two(hints, WELL).await;
    let addresses: Vec<_> = origins.iter().map(Responder::address).collect();
    let site = |site: &mut Site| {
        behind(site, &addresses);
        site.origin_policy.balance = Balance::Failover;
        site.origin_policy.timeouts.first_byte_ms = 2000;
    };
    let stage = Stage::set_with(|_| {}, site).await;
    let mut visitor = stage.visit().await;
    visitor.send("OPTIONS / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 103);
    assert_eq!(visitor.head().await.status(), 504);
    assert_eq!(counts(&origins), [1, 0]);
}

#[tokio::test]
async fn a_site_may_have_some_answers_asked_for_elsewhere_and_gets_the_last_where_none_is_better() {
    let origins = two(ILL, WELL).await;
    let stage = stage(&origins, |policy| {
        policy.balance = Balance::Failover;
        policy.retries.statuses = vec![503];
        policy.ejection.after = 0;
    })
    .await;
    assert_eq!(status(&stage, &get("/")).await, 200);
    origins[1].say(ILL);
    let (head, body) = stage.ask(&get("/")).await;
    assert_eq!((head.status(), body.as_slice()), (503, b"ill".as_slice()));
    assert_eq!(counts(&origins), [2, 2]);
}

#[tokio::test]
async fn retries_end_with_their_budget_and_never_pile_up_on_origins_that_fail() {
    let origins = two("", "").await;
    let stage = stage(&origins, |policy| {
        policy.ejection.after = 0;
        policy.retries.budget_percent = 0;
    })
    .await;
    for _ in 0..50 {
        assert_eq!(status(&stage, &get("/")).await, 502);
    }
    // Twenty are saved up from the start; after that each request is sent once.
    assert_eq!(counts(&origins).iter().sum::<usize>(), 70);
}

#[tokio::test]
async fn with_one_attempt_nothing_is_sent_twice() {
    let origins = two("", WELL).await;
    let stage = stage(&origins, |policy| {
        policy.balance = Balance::Failover;
        policy.retries.attempts = 1;
    })
    .await;
    assert_eq!(status(&stage, &get("/")).await, 502);
    assert_eq!(counts(&origins), [1, 0]);
}

#[tokio::test]
async fn each_time_a_site_allows_its_origin_has_its_own_end() {
    let silent = testkit::Origin::listen().await;
    let address = [silent.address()];
    let site = |site: &mut Site| {
        behind(site, &address);
        site.origin_policy.timeouts.first_byte_ms = 300;
    };
    let mut stage = Stage::set_with(|_| {}, site).await;
    let reason = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 504);
    assert!(reason(page).contains("origin-slow"));
    // A head in time, then silence.
    stage.sites[0].origin_policy.timeouts.first_byte_ms = 60_000;
    stage.sites[0].origin_policy.timeouts.between_bytes_ms = 300;
    stage.publish().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut asked = silent.accept().await;
    asked.head().await;
    drop(asked);
    let mut asked = silent.accept().await;
    asked.head().await;
    asked.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome").await;
    assert_eq!(visitor.head().await.status(), 200);
    assert_eq!(visitor.rest().await, b"some", "cut");
    stage.sites[0].origin_policy.timeouts.total_ms = Some(300);
    stage.publish().await;
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 504);
    assert!(reason(page).contains("origin-overtime"));
}

/// An origin that answers once all of an upload has come: it is the visitor who is waited for, and no failure of the
/// origin's, however short the time is that it has itself.
#[tokio::test]
async fn a_visitor_who_pauses_an_upload_is_no_slow_origin() {
    let origin = testkit::Origin::listen().await;
    let address = [origin.address()];
    let site = |site: &mut Site| {
        behind(site, &address);
        site.origin_policy.timeouts.first_byte_ms = 300;
        site.origin_policy.ejection.after = 1;
    };
    let stage = Stage::set_with(|_| {}, site).await;
    let mut visitor = stage.visit().await;
    visitor.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nx").await;
    let mut asked = origin.accept().await;
    asked.head().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    visitor.send("y").await;
    asked.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(visitor.head().await.status(), 200);
    let figures = stage.edge.figures();
    let of_it = figures.origins.iter().find(|one| one.site == stage.sites[0].id).expect("the origin's");
    assert_eq!((of_it.failures, of_it.ejections), (0, 0));
}

/// However fast the origin is, and however slowly its visitor reads: the whole exchange has an end.
#[tokio::test]
async fn an_answer_without_end_ends_with_the_whole_time_of_its_exchange() {
    let origin = testkit::Origin::listen().await;
    let address = [origin.address()];
    let site = |site: &mut Site| {
        behind(site, &address);
        site.origin_policy.timeouts.total_ms = Some(1500);
    };
    let stage = Stage::set_with(|_| {}, site).await;
    for reads in [true, false] {
        let mut visitor = stage.visit().await;
        visitor.send(get("/endless")).await;
        let mut asked = origin.accept().await;
        asked.head().await;
        asked.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n").await;
        let head = visitor.head().await;
        assert_eq!(head.status(), 200);
        let sending = async {
            let piece = "x".repeat(64 << 10);
            // Until the edge takes no more: it has closed the connection.
            while asked.try_send(&piece).await {}
        };
        let reading = async {
            if reads {
                visitor.rest().await;
            }
        };
        let ended = async { tokio::join!(sending, reading) };
        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("an end");
        let ray = head.all("wardmote-ray")[0];
        let told = || stage.edge.insight().explain_ray(ray).ok();
        let is_told = async {
            while told().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), is_told).await.expect("recorded");
        let steps = told().expect("recorded").steps;
        assert!(steps.iter().any(|step| step.reason == Some("origin-overtime")), "{reads}: {steps:?}");
    }
}

#[tokio::test]
async fn a_change_of_sites_keeps_what_is_known_of_origins_that_stay() {
    let origins = two(ILL, WELL).await;
    let mut stage = stage(&origins, |policy| policy.ejection.after = 2).await;
    for _ in 0..4 {
        status(&stage, &get("/")).await;
    }
    stage.sites[0].error_page = Some("another".to_owned());
    stage.publish().await;
    stage.sites[0].origin_policy.retries.attempts = 2;
    stage.publish().await;
    for _ in 0..6 {
        assert_eq!(status(&stage, &get("/")).await, 200, "the first is out still");
    }
    let figures = stage.edge.figures();
    let kept: Vec<_> = figures.origins.iter().filter(|one| one.site == stage.sites[0].id).collect();
    assert_eq!((kept[0].ejections, kept[1].requests), (1, 8));
}
