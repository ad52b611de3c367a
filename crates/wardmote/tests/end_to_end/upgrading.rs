//! From one process to the next under load: no request fails, and a next process that cannot start changes nothing.

use crate::harness::{Connection, Nginx, SLOW_BYTES, Setup, eventually, get};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const HOST: &str = "shop.test";
const H2LOAD_CONNECTIONS: u64 = 4;
const H2LOAD_STREAMS: u64 = 8;
const LOAD_SECONDS: &str = "25";
const SOON: Duration = Duration::from_secs(10);

fn sites(origin: &Nginx) -> String {
    format!(
        "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"{HOST}\"]\norigins = [\"{}\"]\n",
        origin.url()
    )
}

/// A tool that makes load, and what it says at its end.
fn load(command: &mut Command) -> JoinHandle<String> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}; run script/bootstrap"));
    thread::spawn(move || {
        let out = child.wait_with_output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    })
}

/// Visitors that come anew for each request, some by HTTP/1.1 with a second request on the same connection.
struct Newcomers {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    visitors: Vec<JoinHandle<Vec<String>>>,
}

impl Newcomers {
    /// One after the other on connections of HTTP/2 that are used again while they may be, as browsers do.
    fn by_http_2(address: SocketAddr) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let visitor = |_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let out = many_by_curl(address);
                    asked.fetch_add(out.lines().count() as u64, Ordering::Relaxed);
                    failures.extend(out.lines().filter(|line| *line != "200 2").map(str::to_owned));
                }
                failures
            })
        };
        let visitors = (0..2).map(visitor).collect();
        Self { stop, asked, visitors }
    }

    fn to(address: SocketAddr) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let visitor = |_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    for path in ["/news", "/fresh"] {
                        asked.fetch_add(1, Ordering::Relaxed);
                        match asking(address, path) {
                            Ok(200) => {}
                            other => failures.push(format!("{path}: {other:?}")),
                        }
                    }
                    thread::sleep(Duration::from_millis(2));
                }
                failures
            })
        };
        let visitors = (0..2).map(visitor).collect();
        Self { stop, asked, visitors }
    }

    fn failures(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.visitors.into_iter().flat_map(|visitor| visitor.join().unwrap()).collect();
        (self.asked.load(Ordering::Relaxed), failures)
    }
}

/// The status and protocol of some hundred requests, a line each.
fn many_by_curl(address: SocketAddr) -> String {
    let port = address.port();
    let mut command = Command::new("curl");
    command.args(["--http2", "--insecure", "--silent", "--max-time", "20", "--output", "/dev/null"]);
    command.args(["--write-out", "%{http_code} %{http_version}\\n"]);
    command.args(["--resolve", &format!("{HOST}:{port}:127.0.0.1")]);
    command.arg(format!("https://{HOST}:{port}/news#[1-500]"));
    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
}

fn asking(address: SocketAddr, path: &str) -> std::io::Result<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    Ok(Connection::try_to(address)?.try_raw(request.as_bytes(), false)?.status)
}

/// Visitors over HTTP/3 that share no code with the edge, until it is over: some anew for each few requests, some that
/// stay, and one with long answers.
fn by_http_3(address: SocketAddr, authority: &Path) -> JoinHandle<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/python/bin/python");
    assert!(python.exists(), "{} is missing: script/bootstrap installs it", python.display());
    load(
        Command::new(python)
            .arg(root.join("tests/independent/http3_load.py"))
            .args([HOST, &address.ip().to_string(), &address.port().to_string()])
            .arg(authority)
            .arg(LOAD_SECONDS),
    )
}

/// The number behind a word in a tool's output; 0 where the word is not there.
fn number(output: &str, word: &str) -> u64 {
    let rest = output.split(word).nth(1).unwrap_or("0");
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The number before a word.
fn number_before(output: &str, word: &str) -> u64 {
    let before = output.split(word).next().unwrap_or_default();
    before.split_whitespace().last().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{output}"))
}

#[test]
fn no_request_fails_while_process_follows_process() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin));
    let mut wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let (http, https) = (wardmote.setup.http, wardmote.setup.https);
    let mut idle = Some(Connection::to(http));
    idle.as_mut().map(|idle| idle.get(HOST, "/news").status(200));
    let slow = thread::spawn(move || get(http, HOST, "/slow"));

    let wrk = load(
        Command::new("wrk")
            .args(["-t1", "-c20", "-d", LOAD_SECONDS, "-H"])
            .args([format!("Host: {HOST}"), format!("http://{http}/news")]),
    );
    let h2load = load(
        Command::new("h2load")
            .args([
                &format!("-c{H2LOAD_CONNECTIONS}"),
                &format!("-m{H2LOAD_STREAMS}"),
                "-t1",
                "-D",
                LOAD_SECONDS,
            ])
            .args([format!("--connect-to={https}"), format!("https://{HOST}/news")]),
    );
    let http3 = by_http_3(https, &wardmote.setup.data().join("ca").join("ca.pem"));
    let (newcomers, browsers) = (Newcomers::to(http), Newcomers::by_http_2(https));
    thread::sleep(Duration::from_secs(2));
    // More workers, then fewer: sockets come beside those that are handed over, and several go to one worker.
    for workers in ["workers = 1\n", "workers = 3\n", "workers = 2\n"].windows(2) {
        wardmote.setup.configure(workers[0], workers[1]);
        wardmote.upgrade(|| {
            if let Some(mut idle) = idle.take() {
                // It is served by the process before, which soon hears that it is over and says so.
                eventually("the last answer says close", SOON, || {
                    let answer = idle.get(HOST, "/news").status(200);
                    (answer.field("connection").as_deref() == Some("close")).then_some(())
                });
            }
        });
    }

    let (asked, failures) = newcomers.failures();
    let (asked_h2, failures_h2) = browsers.failures();
    let (wrk, h2load, http3) = (wrk.join().unwrap(), h2load.join().unwrap(), http3.join().unwrap());
    assert_eq!(slow.join().unwrap().status(200).body.len(), SLOW_BYTES);
    let wrk_failed = ["connect", "read", "write", "timeout"].map(|word| number(&wrk, &format!("{word} ")));
    let wrk_failed = wrk_failed.iter().sum::<u64>() + number(&wrk, "Non-2xx or 3xx responses:");
    // h2load does not go on after a GOAWAY. It counts a request as begun when it queues it, which it does at the end of the
    // one before; where that end and the GOAWAY are read together, what is queued is dropped unsent and counted as failed:
    // at the most all streams of all connections, once. None of it has reached the edge.
    let h2_unsent = number_before(&h2load, " failed,");
    println!(
        "failed requests: {} of {asked} on new connections, {} of {asked_h2} by HTTP/2, {wrk_failed} of wrk's",
        failures.len(),
        failures_h2.len()
    );
    println!("h2load did not send {h2_unsent}");
    println!("{http3}\n{wrk}\n{h2load}");
    let (asked_h3, failed_h3) =
        (number_before(&http3, " requests over"), number_before(&http3, " of them failed"));
    let generations = number_before(&http3, " generations");
    assert!(asked_h3 > 100 && failed_h3 == 0 && generations >= 3, "{http3}");
    assert!(number_before(&wrk, " requests in") > 100 && number_before(&h2load, " succeeded,") > 100);
    let failed = (failures.len(), failures_h2.len(), wrk_failed);
    assert_eq!(failed, (0, 0, 0), "{failures:?}\n{failures_h2:?}\n{wrk}\n{h2load}");
    let cut = wardmote.output().contains(" Cut ");
    assert!(
        asked_h2 > 100 && h2_unsent <= H2LOAD_CONNECTIONS * H2LOAD_STREAMS && !cut,
        "{h2load}\n{}",
        wardmote.output()
    );
    // The control plane went over too.
    wardmote.api("GET", "/api/v1/sites", None).status(200);
    wardmote.public("/record/").status(200);
    wardmote.stop();
}

#[test]
fn a_purge_reaches_those_whom_the_process_before_still_serves() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin));
    let mut wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let is_hit = |connection: &mut Connection| {
        let answer = connection.get(HOST, "/news").status(200);
        answer.field("cache-status").is_some_and(|status| status.contains("; hit"))
    };
    let mut idle: Vec<_> = (0..20).map(|_| Connection::to(wardmote.setup.http)).collect();
    is_hit(&mut idle[0]);
    assert!(idle.iter_mut().all(is_hit));
    let control = wardmote.setup.control;
    let token = std::fs::read_to_string(wardmote.setup.data().join("admin.token")).unwrap();
    wardmote.upgrade(|| {
        let body = serde_json::json!({ "url": format!("http://{HOST}/news") }).to_string();
        eventually("the next process takes a purge", SOON, || {
            let bearer = format!("Bearer {}", token.trim());
            let fields = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
            let host = control.to_string();
            let mut connection = Connection::try_to(control).ok()?;
            let purged = connection.ask("POST", &host, "/api/v1/purges", &fields, Some(body.as_bytes()));
            (purged.status < 300).then_some(())
        });
        // Each of them has one more answer from the process before.
        eventually("the process before has heard of it", SOON, || {
            let mut connection = idle.pop().expect("heard before the last of them");
            (!is_hit(&mut connection)).then_some(())
        });
        idle.clear();
    });
    wardmote.stop();
}

#[test]
fn a_next_process_that_cannot_start_leaves_the_running_one_as_it_was() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin));
    let mut wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let foreign = format!("http = [\"{}\", ", taken.local_addr().unwrap());
    // One fails before anything was let go of, one after it.
    for (from, to) in
        [("http = [", foreign.as_str()), ("workers", "access_log = \"/nowhere/at/all\"\nworkers")]
    {
        wardmote.setup.configure(from, to);
        let mut next = wardmote.setup.spawn(&["--upgrade"]);
        let ended = eventually("the next process gives up", Duration::from_secs(60), || next.ended());
        assert!(!ended.success(), "{}", next.output());
        wardmote.setup.configure(to, from);
        assert!(wardmote.process().ended().is_none(), "{}", wardmote.output());
        wardmote.visit(HOST, "/fresh").status(200);
        eventually("the control plane is there", Duration::from_secs(30), || {
            (wardmote.api("GET", "/api/v1/sites", None).status == 200).then_some(())
        });
        let body = serde_json::json!({ "url": format!("http://{HOST}/news") });
        let purged = wardmote.api("POST", "/api/v1/purges", Some(&body));
        assert!(purged.status < 300, "{}", purged.text());
    }
    // And the next one can.
    wardmote.upgrade(|| {});
    wardmote.visit(HOST, "/fresh").status(200);
    wardmote.stop();
}

/// A process that nobody here has started.
struct Successor(u64);

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.0.to_string()]).status();
    }
}

#[test]
fn a_hangup_has_the_program_on_disk_take_over() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin));
    let mut wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let before = wardmote.process().id().to_string();
    assert!(Command::new("kill").args(["-HUP", &before]).status().unwrap().success());
    let next = eventually("another process serves", Duration::from_secs(120), || {
        let pid = wardmote.setup.running()?["pid"].as_u64()?;
        (pid.to_string() != before).then_some(pid)
    });
    let next = Successor(next);
    let ended = eventually("the process before ends", Duration::from_secs(60), || wardmote.process().ended());
    assert!(ended.success(), "{}", wardmote.output());
    wardmote.visit(HOST, "/news").status(200);
    assert!(Command::new("kill").args(["-TERM", &next.0.to_string()]).status().unwrap().success());
    eventually("it ends", Duration::from_secs(60), || {
        Connection::try_to(wardmote.setup.http).is_err().then_some(())
    });
}
