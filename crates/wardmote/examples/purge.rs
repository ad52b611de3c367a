//! Measures purges from end to end: `cargo run -p wardmote --example purge -- CONTROL DATA SITE [COUNT]`.
//!
//! CONTROL is the address of a running control plane, DATA its data folder (for the administrator's token and
//! for the disk it lies on), SITE a host. Each purge of a tag that nobody has is one request to the API, answered
//! when every edge holds it; printed is how long they took, and beside it how long the same disk takes to make
//! one small write safe, which each purge waits for twice: in the records and in the edge's journal.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [control, data, site, rest @ ..] = arguments.as_slice() else { panic!("CONTROL DATA SITE [COUNT]") };
    let count: usize = rest.first().map_or(500, |text| text.parse().unwrap());
    let token = fs::read_to_string(Path::new(data).join("admin.token")).unwrap();
    println!("one safe write of 512 bytes: {}", spread(safe_writes(Path::new(data), count)));
    let mut api = Api::connect(control, token.trim());
    let mut times = Vec::with_capacity(count);
    for n in 0..count {
        let begun = Instant::now();
        let status = api.purge(&format!(r#"{{"site":"{site}","tag":"nobody-{n}"}}"#));
        times.push(begun.elapsed());
        assert_eq!(status, 200, "an edge did not hold the purge in time");
    }
    println!("{count} purges of a tag through the API: {}", spread(times));
    let begun = Instant::now();
    let status = api.purge(&format!(r#"{{"site":"{site}","tag":"all"}}"#));
    println!("a purge of the tag \"all\": {:.1?}, status {status}", begun.elapsed());
}

/// One connection to the API.
struct Api {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Api {
    fn connect(control: &str, token: &str) -> Self {
        let stream = TcpStream::connect(control).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST /api/v1/purges HTTP/1.1\r\nHost: {control}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n"
        );
        Self { stream: BufReader::new(stream), head }
    }

    /// Sends one purge; returns the status once the whole answer is there.
    fn purge(&mut self, body: &str) -> u16 {
        let request = format!("{}Content-Length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        while line != "\r\n" {
            line.clear();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the control plane closed");
            if line.starts_with("HTTP/1.1 ") {
                status = line[9..12].parse().unwrap();
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        self.stream.read_exact(&mut vec![0; length]).unwrap();
        status
    }
}

fn safe_writes(folder: &Path, count: usize) -> Vec<Duration> {
    let path = folder.join("safe-writes");
    let mut file = File::create(&path).unwrap();
    let write = |_| {
        let begun = Instant::now();
        file.write_all(&[7; 512]).unwrap();
        file.sync_data().unwrap();
        begun.elapsed()
    };
    let times = (0..count).map(write).collect();
    fs::remove_file(path).unwrap();
    times
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    format!("{:.1?} (median), {:.1?} (p99), {:.1?} (longest)", at(50), at(99), at(100))
}
