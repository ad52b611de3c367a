//! The access log: one JSON line per recorded exchange.
//!
//! Workers append to a bounded buffer in memory; one thread writes it out, so a slow disk never slows a
//! visitor. Lines beyond the bound are dropped and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most bytes of lines that wait to be written.
pub(crate) const WAITING_BYTES_MAX: usize = 8 << 20;
/// How long a line may wait.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// Where workers leave their lines.
pub(crate) struct AccessLog {
    waiting: Mutex<Vec<u8>>,
    wake: Condvar,
    ended: AtomicBool,
    dropped: AtomicU64,
}

impl AccessLog {
    /// Opens the file for appending and starts the thread that writes.
    pub(crate) fn open(path: &Path) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let log = Arc::new(Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            ended: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        });
        let writer = Arc::clone(&log);
        let thread = std::thread::Builder::new().name("access-log".to_owned());
        let handle = thread.spawn(move || writer.write_out(file))?;
        Ok((log, handle))
    }

    /// Takes one line, with its line feed.
    pub(crate) fn append(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.len() + line.len() > WAITING_BYTES_MAX {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            waiting.extend_from_slice(line);
        }
    }

    /// Lines that found no room, or that the disk refused.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Lets the thread write what waits and end.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wake.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        // Lines are appended whole, so a poisoned buffer is still good.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, mut file: File) {
        let mut batch = Vec::new();
        loop {
            let ended = self.ended.load(Ordering::SeqCst);
            std::mem::swap(&mut *self.waiting(), &mut batch);
            if !batch.is_empty() && file.write_all(&batch).is_err() {
                // A full disk must not stop the service; the count says that lines are missing.
                let lines = memchr::memchr_iter(b'\n', &batch).count() as u64;
                self.dropped.fetch_add(lines, Ordering::Relaxed);
            }
            batch.clear();
            batch.shrink_to(WAITING_BYTES_MAX / 8);
            if ended {
                return;
            }
            let waiting = self.waiting();
            if !self.ended.load(Ordering::SeqCst) {
                // Woken or timed out, the loop looks again.
                drop(self.wake.wait_timeout(waiting, WRITE_EVERY));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_file_and_what_has_no_room_is_counted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("access.log");
        let (log, thread) = AccessLog::open(&path).expect("a writable file");
        log.append(b"{\"one\":1}\n");
        log.append(&vec![b'x'; WAITING_BYTES_MAX + 1]);
        log.append(b"{\"two\":2}\n");
        log.end();
        thread.join().expect("the writer ends");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "{\"one\":1}\n{\"two\":2}\n");
        assert_eq!(log.dropped(), 1);
    }
}
