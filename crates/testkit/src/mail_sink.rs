//! A mail server that keeps what it takes, and turns away what it was told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// How it behaves.
#[derive(Clone, Default)]
pub struct MailRules {
    /// TLS from the first byte.
    pub tls: Option<Arc<ServerConfig>>,
    /// STARTTLS is offered.
    pub starttls: Option<Arc<ServerConfig>>,
    /// What it says besides its consent to STARTTLS, in the clear.
    pub slips_in: &'static str,
    /// How many addressees are turned away for now before one is taken (greylisting).
    pub greylisted: usize,
    /// Addressees that do not exist.
    pub unknown: Vec<String>,
    /// Letters are taken only after `AUTH PLAIN` with this, in base 64.
    pub login: Option<String>,
    /// It hangs up after the greeting.
    pub hangs_up: bool,
}

/// One letter that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenMail {
    /// The sender of the envelope.
    pub from: String,
    /// The addressees of the envelope.
    pub to: Vec<String>,
    /// The message with its fields, dots unstuffed.
    pub message: String,
    /// Whether it came over TLS.
    pub secured: bool,
}

/// The mail server; stops listening and hangs up when dropped.
pub struct MailSink {
    address: SocketAddr,
    told: Arc<Told>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    rules: Mutex<MailRules>,
    taken: Mutex<Vec<TakenMail>>,
}

impl MailSink {
    /// Listens on a free port of loopback.
    pub async fn start(rules: MailRules) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let told = Arc::new(Told { rules: Mutex::new(rules), ..Told::default() });
        let listening = tokio::spawn(listen(listener, Arc::clone(&told)));
        Self { address, told, listening }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it behaves from the next conversation on.
    pub fn behave(&self, rules: MailRules) {
        *lock(&self.told.rules) = rules;
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<TakenMail> {
        lock(&self.told.taken).clone()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, told: Arc<Told>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        conversations.spawn(attend(stream, Arc::clone(&told)));
        while conversations.try_join_next().is_some() {}
    }
}

/// One visitor, over TLS from the beginning, from STARTTLS on, or never.
async fn attend(mut stream: TcpStream, told: Arc<Told>) {
    let rules = lock(&told.rules).clone();
    if let Some(tls) = rules.tls.clone() {
        if let Ok(mut stream) = TlsAcceptor::from(tls).accept(stream).await {
            converse(&mut stream, &told, &rules, true).await;
        }
        return;
    }
    if !converse(&mut stream, &told, &rules, false).await {
        return;
    }
    if let Some(tls) = rules.starttls.clone()
        && let Ok(mut stream) = TlsAcceptor::from(tls).accept(stream).await
    {
        converse(&mut stream, &told, &rules, true).await;
    }
}

/// A conversation up to its end, or to STARTTLS, which gives `true`.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    told: &Told,
    rules: &MailRules,
    secured: bool,
) -> bool {
    let mut stream = BufReader::new(stream);
    // A server does not greet again after STARTTLS.
    let greets = !secured || rules.tls.is_some();
    if greets && answer(&mut stream, "220 sink.test ready").await.is_err() || rules.hangs_up {
        return false;
    }
    let mut mail = TakenMail { from: String::new(), to: Vec::new(), message: String::new(), secured };
    let mut known = rules.login.is_none();
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return false;
        }
        let command = line.trim_end().to_owned();
        let said = match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if rules.starttls.is_some() && !secured => {
                "250-sink.test\r\n250-AUTH PLAIN\r\n250 STARTTLS".to_owned()
            }
            "EHLO" => "250-sink.test\r\n250 AUTH PLAIN".to_owned(),
            "STARTTLS" if rules.starttls.is_some() && !secured => {
                return answer(&mut stream, &format!("220 go ahead{}", rules.slips_in)).await.is_ok();
            }
            "AUTH" => {
                known = command.strip_prefix("AUTH PLAIN ").map(str::to_owned) == rules.login;
                if known { "235 welcome" } else { "535 wrong" }.to_owned()
            }
            "MAIL" if !known => "530 log in first".to_owned(),
            "MAIL" => {
                mail.from = address(&command);
                "250 ok".to_owned()
            }
            "RCPT" => rcpt(&mut mail, &address(&command), told, rules),
            "DATA" => {
                if answer(&mut stream, "354 go on").await.is_err() {
                    return false;
                }
                let Some(message) = message(&mut stream).await else { return false };
                mail.message = message;
                lock(&told.taken).push(mail.clone());
                "250 taken".to_owned()
            }
            "QUIT" => {
                let _ = answer(&mut stream, "221 bye").await;
                return false;
            }
            _ => "500 what?".to_owned(),
        };
        if answer(&mut stream, &said).await.is_err() {
            return false;
        }
    }
}

fn rcpt(mail: &mut TakenMail, to: &str, told: &Told, rules: &MailRules) -> String {
    if rules.unknown.iter().any(|unknown| unknown == to) {
        return "550 no such user here".to_owned();
    }
    let greylisted = &mut lock(&told.rules).greylisted;
    if *greylisted > 0 {
        *greylisted -= 1;
        return "450 greylisted, come back later".to_owned();
    }
    mail.to.push(to.to_owned());
    "250 ok".to_owned()
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn message(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn address(command: &str) -> String {
    let inner = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}
