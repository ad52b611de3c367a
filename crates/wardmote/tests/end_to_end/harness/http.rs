//! A plain HTTP/1.1 client that shows every byte of an answer and keeps its connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The values of a field, joined.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// This reply, when its status is the one wanted.
    pub(crate) fn status(self, wanted: u16) -> Self {
        assert_eq!(self.status, wanted, "{:?}\n{}", self.fields, self.text());
        self
    }
}

/// One connection, used for one request after another.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::try_to(address).unwrap_or_else(|error| panic!("cannot reach {address}: {error}"))
    }

    pub(crate) fn try_to(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends a request as written and reads its answer.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        host: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        self.raw(&bytes, method == "HEAD")
    }

    /// `GET` of a page.
    pub(crate) fn get(&mut self, host: &str, path: &str) -> Reply {
        self.ask("GET", host, path, &[], None)
    }

    /// Sends bytes and reads one answer.
    pub(crate) fn raw(&mut self, bytes: &[u8], is_head: bool) -> Reply {
        self.try_raw(bytes, is_head).unwrap_or_else(|error| panic!("the exchange broke: {error}"))
    }

    pub(crate) fn try_raw(&mut self, bytes: &[u8], is_head: bool) -> std::io::Result<Reply> {
        self.stream.write_all(bytes)?;
        loop {
            let reply = self.read(is_head)?;
            if reply.status >= 200 {
                return Ok(reply);
            }
        }
    }

    fn fill(&mut self) -> std::io::Result<usize> {
        let mut chunk = [0; 16 << 10];
        let count = self.stream.read(&mut chunk)?;
        self.unread.extend_from_slice(&chunk[..count]);
        Ok(count)
    }

    fn more(&mut self) -> std::io::Result<()> {
        match self.fill()? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn take(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.more()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn line(&mut self) -> std::io::Result<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line = self.take(end + 1)?;
                let line = line.strip_suffix(b"\r\n").expect("a line ends in CR LF");
                return Ok(String::from_utf8(line.to_vec()).expect("a head is ASCII"));
            }
            self.more()?;
        }
    }

    fn read(&mut self, is_head: bool) -> std::io::Result<Reply> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).expect(&first);
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect(&line);
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, fields, body: Vec::new() };
        if !(is_head || status < 200 || status == 204 || status == 304) {
            reply.body = self.body(&reply)?;
        }
        Ok(reply)
    }

    fn body(&mut self, head: &Reply) -> std::io::Result<Vec<u8>> {
        if head.field("transfer-encoding").is_some() {
            return self.chunks();
        }
        if let Some(length) = head.field("content-length") {
            return self.take(length.parse().expect("one length"));
        }
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.unread))
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).expect("a chunk's size");
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            assert_eq!(self.take(2)?, b"\r\n");
        }
    }
}

/// One `GET` on a connection of its own.
pub(crate) fn get(address: SocketAddr, host: &str, path: &str) -> Reply {
    Connection::to(address).get(host, path)
}
