//! A real nginx: an origin with a few pages, or a cache to compare with.

use super::{Process, eventually, free_port};
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Length of `/slow`, which takes about three seconds.
pub(crate) const SLOW_BYTES: usize = 90_000;

/// Length of `/large`: ten gigabytes, nearly all of them a hole that takes no room on disk.
pub(crate) const LARGE_BYTES: u64 = 10_000_000_000;

/// What `/large` has at each multiple of a MiB; zeros elsewhere.
pub(crate) fn marker(at: u64) -> [u8; 8] {
    (at ^ 0x5ca1_ab1e_0ddb_a115).to_le_bytes()
}

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
        Self::run(folder, origin)
    }

    /// Starts a cache in front of an origin, as nginx's own manual sets one up.
    pub(crate) fn cache(origin: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("cache").tempdir().unwrap();
        Self::run(folder, |port| cache(port, origin))
    }

    /// Serves the files of a folder, as a plain web server does.
    pub(crate) fn files(of: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("files").tempdir().unwrap();
        let of = of.to_owned();
        Self::run(folder, move |port| {
            format!("server {{ listen 127.0.0.1:{port}; root {}; index index.html; }}", of.display())
        })
    }

    fn run(folder: TempDir, server: impl Fn(u16) -> String) -> Self {
        let (port, at) = (free_port(), folder.path());
        fs::write(at.join("nginx.conf"), configuration(&server(port))).unwrap();
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

    /// Puts `/large` among its pages.
    pub(crate) fn keep_large(&self) {
        let file = File::create(self.folder.path().join("www/large")).unwrap();
        file.set_len(LARGE_BYTES).unwrap();
        for at in (0..LARGE_BYTES).step_by(1 << 20) {
            file.write_all_at(&marker(at), at).unwrap();
        }
        // A marker in the last bytes may have made it longer.
        file.set_len(LARGE_BYTES).unwrap();
    }

    /// How many bytes of content it has sent so far, once it has written all of that down.
    pub(crate) fn sent_bytes(&self) -> u64 {
        thread::sleep(Duration::from_millis(300));
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        let sent = |line: &str| line.split('"').nth(2)?.split_whitespace().nth(1)?.parse::<u64>().ok();
        log.lines().map(|line| sent(line).unwrap_or_else(|| panic!("{line}"))).sum()
    }

    /// Whether somebody asked for a path so far.
    pub(crate) fn was_asked_for(&self, path: &str) -> bool {
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        log.lines().any(|line| line.contains(&format!(" {path} ")))
    }

    /// How many requests reached it so far.
    pub(crate) fn requests(&self) -> usize {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default().lines().count()
    }
}

fn configuration(server: &str) -> String {
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
{server}
}}
"#
    )
}

fn origin(port: u16) -> String {
    format!(
        r#"  server {{
    listen 127.0.0.1:{port};
    root www;
    location / {{ add_header Cache-Control "public, max-age=600"; }}
    location = /fresh {{ add_header Cache-Control "no-store"; }}
    location = /slow {{ limit_rate 30k; add_header Cache-Control "no-store"; }}
    location = /post {{ return 200 "taken\n"; }}
  }}"#
    )
}

fn cache(port: u16, origin: u16) -> String {
    format!(
        r#"  proxy_cache_path held levels=1:2 keys_zone=held:8m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_cache held;
      proxy_cache_revalidate on;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}"#
    )
}
