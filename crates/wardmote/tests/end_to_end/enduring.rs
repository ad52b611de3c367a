//! The defence under everything at once: descriptors short, queues and tables full. It must not be what fails first.

use crate::harness::{Connection, Nginx, Setup, Wardmote, eventually};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tokio::net::TcpSocket;

/// Descriptors of the whole process; three quarters are for visitors.
const DESCRIPTORS: u32 = 512;
/// Connections of the crowd: more than there are descriptors.
const CROWD: usize = 900;
/// Requests that are refused, each an event: more than are kept.
const REFUSED: usize = 6_000;
const VISITORS: u8 = 40;

const SITE: &str = "services = [\"cache\", \"shield\", \"errors\"]\n\
    [[account.site.shield.rule]]\nname = \"probes\"\nwhen = 'http.request.uri.path contains \"/.env\"'\naction = \"block\"\n\
    [[account.site.shield.rule]]\nname = \"flood\"\nwhen = 'http.request.uri.path contains \"/flood\"'\naction = \"block\"\n\
    [[account.site.shield.rule]]\nname = \"each\"\nwhen = 'not ssl'\naction = \"rate-limit\"\n\
    by = [\"http.request.uri.query\"]\nrequests = 1000\nperiod = 60\n";

#[test]
fn with_descriptors_short_and_tables_full_ordinary_visitors_are_served() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let sites = format!(
        "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{}\"]\n{SITE}",
        origin.url()
    );
    let path = setup.sites(&sites);
    let mut wardmote = setup.up_with_descriptors(DESCRIPTORS, &["--apply", path.to_str().unwrap()]);
    wardmote.visit("shop.test", "/").status(200);
    wardmote.visit("shop.test", "/.env").status(403);

    let crowd = crowd(&wardmote);
    flood(&wardmote);
    for number in 0..VISITORS {
        let from = Ipv4Addr::new(127, 40, number, 1);
        let answer = ask_from(from, wardmote.setup.http, "/", number);
        assert!(answer.starts_with("HTTP/1.1 200 "), "visitor {number}: {answer}");
        assert!(open_descriptors(&mut wardmote) <= DESCRIPTORS as usize);
    }
    drop(crowd);

    // What was noted before the flood is there yet, and the flood as a whole is, too.
    let events =
        wardmote.api("GET", "/api/v1/shield/events?limit=1000&site=shop.test", None).status(200).json();
    let told =
        |name: &str| events.as_array().unwrap().iter().any(|event| event["cause"].to_string().contains(name));
    assert!(told("probes") && told("flood"), "{events}");
    eventually("it is ready when the crowd has left", Duration::from_secs(20), || {
        let mut connection = Connection::try_to(wardmote.setup.control).ok()?;
        let reply = connection.ask("GET", &wardmote.setup.control.to_string(), "/readyz", &[], None);
        (reply.status == 200).then_some(())
    });
    assert!(!wardmote.output().contains("panicked"), "{}", wardmote.output());
    wardmote.stop();
}

/// Connections that say nothing, and handshakes that never begin, from many networks; as many of them as are let be.
fn crowd(wardmote: &Wardmote) -> Vec<TcpStream> {
    let (http, https) = (wardmote.setup.http, wardmote.setup.https);
    let to = |number: usize| if number.is_multiple_of(3) { https } else { http };
    let from = |number: usize| {
        let [.., third, fourth] = u32::try_from(number).unwrap().to_be_bytes();
        Ipv4Addr::new(127, 50 + third, fourth, 1)
    };
    (0..CROWD).filter_map(|number| connect(from(number), to(number)).ok()).collect()
}

/// Requests that a rule refuses, each with another key for the rates, on a few connections.
fn flood(wardmote: &Wardmote) {
    for connection in 0..6_u8 {
        let mut stream = connect(Ipv4Addr::new(127, 60, connection, 1), wardmote.setup.http).unwrap();
        let each = REFUSED / 6;
        let mut reading = stream.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut answers = Vec::new();
            reading.read_to_end(&mut answers).unwrap();
            answers.windows(12).filter(|bytes| *bytes == b"HTTP/1.1 403").count()
        });
        for number in 0..each {
            let end = if number + 1 == each { "Connection: close\r\n" } else { "" };
            let request =
                format!("GET /flood?{connection}-{number} HTTP/1.1\r\nHost: shop.test\r\n{end}\r\n");
            stream.write_all(request.as_bytes()).unwrap();
        }
        assert_eq!(reader.join().unwrap(), each);
    }
}

fn ask_from(from: Ipv4Addr, to: SocketAddr, path: &str, number: u8) -> String {
    let mut stream = connect(from, to).unwrap();
    let request = format!("GET {path}?{number} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    // A reset is an answer, too: an empty one.
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// A connection from an address of this machine.
fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn open_descriptors(wardmote: &mut Wardmote) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", wardmote.process().id())).unwrap().count()
}
