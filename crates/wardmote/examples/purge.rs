//! Measures purges from end to end: `cargo run -p wardmote --example purge -- CONTROL DATA SITE [COUNT]`.
//!
//! CONTROL is the address of a running control plane, DATA its data folder (for the administrator's token and
//! for the disk it lies on), SITE a host. Each purge of a tag that nobody has is one request to the API, answered
//! when every edge holds it; printed is how long they took, and beside it how long the same disk takes to make
//! one small write safe, which each purge waits for twice: in the records and in the edge's journal.

#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [control, data, site, rest @ ..] = arguments.as_slice() else {
        return Err("purge CONTROL DATA SITE [COUNT]".into());
    };
    let count: usize = rest.first().map_or(Ok(500), |text| text.parse())?;
    let token = fs::read_to_string(Path::new(data).join("admin.token"))?;
    println!("one safe write of 512 bytes: {}", spread(safe_writes(Path::new(data), count)?));
    let mut api = Api::connect(control, token.trim())?;
    let mut times = Vec::with_capacity(count);
    for n in 0..count {
        let begun = Instant::now();
        let status = api.purge(&format!(r#"{{"site":"{site}","tag":"nobody-{n}"}}"#))?;
        times.push(begun.elapsed());
        if status != 200 {
            return Err(format!("status {status}: an edge did not hold the purge in time").into());
        }
    }
    println!("{count} purges of a tag through the API: {}", spread(times));
    let begun = Instant::now();
    let status = api.purge(&format!(r#"{{"site":"{site}","tag":"all"}}"#))?;
    println!("a purge of the tag \"all\": {:.1?}, status {status}", begun.elapsed());
    Ok(())
}

/// One connection to the API.
struct Api {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Api {
    fn connect(control: &str, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(control)?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /api/v1/purges HTTP/1.1\r\nHost: {control}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n"
        );
        Ok(Self { stream: BufReader::new(stream), head })
    }

    /// Sends one purge; returns the status once the whole answer is there.
    fn purge(&mut self, body: &str) -> Result<u16, Box<dyn Error>> {
        let request = format!("{}Content-Length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut line) = (0, 0, String::new());
        while line != "\r\n" {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the control plane closed".into());
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).unwrap_or_default().parse()?;
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        self.stream.read_exact(&mut vec![0; length])?;
        Ok(status)
    }
}

fn safe_writes(folder: &Path, count: usize) -> io::Result<Vec<Duration>> {
    let path = folder.join("safe-writes");
    let mut file = File::create(&path)?;
    let mut write = || {
        let begun = Instant::now();
        file.write_all(&[7; 512])?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    let times = (0..count).map(|_| write()).collect::<io::Result<_>>()?;
    fs::remove_file(path)?;
    Ok(times)
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at =
        |share: usize| times.get(times.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    format!("{:.1?} (median), {:.1?} (p99), {:.1?} (longest)", at(50), at(99), at(100))
}
