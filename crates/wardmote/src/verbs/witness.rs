//! `wardmote witness`: a witness as a process of its own, with its own key and its own state.

use crate::ambient::{SystemClock, SystemRandom};
use crate::command_line::Witness;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use crate::up::start_log;
use ::witness::{Desk, Heads, serve};
use ledger::key::SignerKey;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) fn run(arguments: &Witness, json: bool) -> Result<Exit, Failure> {
    start_log();
    let problem = |error: io::Error| Failure::failed(format!("{}: {error}", arguments.data_dir.display()));
    // Opened first: its lock keeps a second witness from making a second key.
    let heads = Heads::open(&arguments.data_dir.join("state")).map_err(problem)?;
    let key = key(&arguments.data_dir.join("witness.key"), arguments.name.as_deref())?;
    let desk = Desk::new(key, heads, arguments.logs.clone()).map_err(Failure::failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    runtime.block_on(stand(arguments, Arc::new(desk), json))
}

/// Answers until told to stop.
async fn stand(arguments: &Witness, desk: Arc<Desk>, json: bool) -> Result<Exit, Failure> {
    let listen = arguments.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::failed(format!("cannot listen on {listen}: {error}")))?;
    let bound = listener.local_addr().map_err(Failure::failed)?;
    let stop = CancellationToken::new();
    let (mut term, mut int) = (
        signal(SignalKind::terminate()).map_err(Failure::failed)?,
        signal(SignalKind::interrupt()).map_err(Failure::failed)?,
    );
    let key = desk.verifier().to_string();
    if json {
        output::json(&json!({ "key": key, "listen": bound.to_string() }));
    } else {
        println!("key     {}\nlisten  http://{bound}", plain(&key));
    }
    let serving = serve(listener, desk, Arc::new(SystemClock), stop.clone());
    let told = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stop.cancel();
    };
    tokio::join!(serving, told);
    Ok(Exit::Done)
}

/// The key of an earlier start, or a fresh one: on disk before anybody hears of it.
fn key(path: &Path, name: Option<&str>) -> Result<SignerKey, Failure> {
    let problem = |error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
    match fs::read_to_string(path) {
        Ok(text) => {
            let key = SignerKey::parse(&text)
                .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
            match name.filter(|name| *name != key.name()) {
                Some(_) => {
                    let message = format!("--name: the key in {} is {:?}'s", path.display(), key.name());
                    Err(Failure::bad_use(message))
                }
                None => Ok(key),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = name.ok_or_else(|| {
                Failure::bad_use("--name is needed to make the key, such as witness.example.org/w1")
            })?;
            let key = SignerKey::for_witness(&SystemRandom, name).map_err(Failure::bad_use)?;
            let mut file =
                File::options().write(true).create_new(true).mode(0o600).open(path).map_err(problem)?;
            file.write_all(format!("{}\n", *key.to_text()).as_bytes()).map_err(problem)?;
            file.sync_all().map_err(problem)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all()).map_err(problem)?;
            Ok(key)
        }
        Err(error) => Err(problem(error)),
    }
}
