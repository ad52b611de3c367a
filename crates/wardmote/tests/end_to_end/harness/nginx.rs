//! The origin: a real nginx with a few pages.

use super::{Process, eventually, free_port};
use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Length of `/slow`, which takes about three seconds.
pub(crate) const SLOW_BYTES: usize = 90_000;

/// A running nginx; ends with its value.
pub(crate) struct Nginx {
    pub(crate) port: u16,
    folder: TempDir,
    _process: Process,
}

impl Nginx {
    /// Starts an origin that answers for every host name: `/` and `/news` cacheable, `/fresh` not,
    /// `/post` takes bodies, `/slow` takes its time, everything else 404.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("origin").tempdir().unwrap();
        let port = free_port();
        let at = folder.path();
        fs::create_dir(at.join("www")).unwrap();
        fs::write(
            at.join("www/index.html"),
            "<!doctype html><title>Home</title><h1>The origin's home</h1>\n",
        )
        .unwrap();
        fs::write(at.join("www/news"), "<!doctype html><title>News</title><h1>The origin's news</h1>\n")
            .unwrap();
        fs::write(at.join("www/fresh"), "<!doctype html><title>Fresh</title><h1>Made just now</h1>\n")
            .unwrap();
        fs::write(at.join("www/slow"), vec![b'.'; SLOW_BYTES]).unwrap();
        fs::write(at.join("nginx.conf"), configuration(port)).unwrap();
        let mut command = Command::new("nginx");
        // nginx lies outside of ordinary users' PATH on Debian.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command.arg("-p").arg(at).args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]);
        let mut process = Process::start("nginx", &mut command, at);
        eventually("nginx listens", Duration::from_secs(10), || {
            assert!(process.ended().is_none(), "nginx ended: {}", process.output());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { port, folder, _process: process }
    }

    /// Its address as sites.toml wants it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests reached it so far.
    pub(crate) fn requests(&self) -> usize {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default().lines().count()
    }
}

fn configuration(port: u16) -> String {
    format!(
        r#"worker_processes 1;
master_process off;
pid nginx.pid;
error_log error.log error;
events {{ worker_connections 512; }}
http {{
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  default_type text/html;
  keepalive_timeout 60;
  server {{
    listen 127.0.0.1:{port};
    root www;
    location / {{ add_header Cache-Control "public, max-age=600"; }}
    location = /fresh {{ add_header Cache-Control "no-store"; }}
    location = /slow {{ limit_rate 30k; add_header Cache-Control "no-store"; }}
    location = /post {{ return 200 "taken\n"; }}
  }}
}}
"#
    )
}
