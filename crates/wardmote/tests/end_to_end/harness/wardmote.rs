//! A running `wardmote up`, and the command line beside it.

use super::{Connection, Finished, Process, Reply, eventually, free_port, run};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The binary under test: the one built with the tests, or another that `WARDMOTE_BINARY` names, such as a release.
pub(crate) fn binary() -> Command {
    let other = std::env::var_os("WARDMOTE_BINARY");
    let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_wardmote").into()));
    for (name, _) in std::env::vars_os() {
        // A developer's own settings must not steer the tests.
        if name.to_str().is_some_and(|name| name.starts_with("WARDMOTE_")) {
            command.env_remove(name);
        }
    }
    command
}

/// A folder with a configuration on free ports, before anything runs.
pub(crate) struct Setup {
    folder: TempDir,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) public: SocketAddr,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("wardmote").tempdir().unwrap();
        let address = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let setup = Self { folder, http: address(), https: address(), control: address(), public: address() };
        let text = format!(
            "data_dir = {:?}\n[edge]\nhttp = [\"{}\"]\nhttps = [\"{}\"]\nworkers = 1\n[cache]\nmemory = \"16MiB\"\ndisk = \"256MiB\"\n\
             [control]\nlisten = \"{}\"\npublic = \"{}\"\npublic_url = \"http://localhost:{}\"\n",
            setup.data(),
            setup.http,
            setup.https,
            setup.control,
            setup.public,
            setup.public.port()
        );
        fs::write(setup.config(), text).unwrap();
        setup
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("wardmote.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a sites.toml beside the configuration.
    pub(crate) fn sites(&self, text: &str) -> PathBuf {
        let path = self.path().join("sites.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// `wardmote VERB …` with this configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Finished {
        run(binary().args(arguments).arg("--config").arg(self.config()).current_dir(self.path()))
    }

    /// `wardmote up …`, until it is ready to serve.
    pub(crate) fn up(self, arguments: &[&str]) -> Wardmote {
        let mut process = self.spawn(arguments);
        await_ready(&self, &mut process);
        Wardmote { process, setup: self }
    }

    /// Where the process in the folder listens, in its own words.
    pub(crate) fn running(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.data().join("running.json")).ok()?).ok()
    }

    /// Changes the configuration for the next start.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(self.config(), text.replacen(from, to, 1)).unwrap();
    }

    /// The same with so few descriptors.
    pub(crate) fn up_with_descriptors(self, most: u32, arguments: &[&str]) -> Wardmote {
        let up = binary();
        let mut command = Command::new("sh");
        // The limit that a process cannot raise again.
        command.arg("-c").arg(format!("ulimit -n {most} && exec \"$0\" \"$@\"")).arg(up.get_program());
        for (name, value) in up.get_envs() {
            assert!(value.is_none(), "nothing is set");
            command.env_remove(name);
        }
        command.arg("up").args(arguments).arg("--config").arg(self.config()).current_dir(self.path());
        let mut process = Process::start("wardmote", &mut command, self.path());
        await_ready(&self, &mut process);
        Wardmote { process, setup: self }
    }

    /// `wardmote up …`, whatever comes of it.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        let mut command = binary();
        command.arg("up").args(arguments).arg("--config").arg(self.config()).current_dir(self.path());
        Process::start("wardmote", &mut command, self.path())
    }
}

fn await_ready(setup: &Setup, process: &mut Process) {
    eventually("wardmote is ready", Duration::from_secs(60), || {
        assert!(process.ended().is_none(), "wardmote ended:\n{}", process.output());
        let mut connection = Connection::try_to(setup.control).ok()?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", setup.control);
        let reply = connection.try_raw(request.as_bytes(), false).ok()?;
        (reply.status == 200).then_some(())
    });
}

/// A running process with its folder.
pub(crate) struct Wardmote {
    process: Process,
    pub(crate) setup: Setup,
}

impl Wardmote {
    /// Everything it has said so far.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Memory it has in RAM, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.process.resident_bytes()
    }

    /// Starts another process that takes over; once it serves, does something meanwhile, and waits until this one has
    /// ended in order.
    pub(crate) fn upgrade(&mut self, meanwhile: impl FnOnce()) {
        let mut next = self.setup.spawn(&["--upgrade"]);
        let id = next.id();
        let mine = |running: &Value| running["pid"].as_u64() == Some(id.into());
        eventually("the next process serves", Duration::from_secs(120), || {
            assert!(next.ended().is_none(), "it ended:\n{}", next.output());
            self.setup.running().filter(mine)
        });
        std::mem::swap(&mut self.process, &mut next);
        meanwhile();
        let ended = eventually("the process before ends", Duration::from_secs(60), || next.ended());
        assert!(ended.success(), "{ended}:\n{}", next.output());
    }

    /// The process that serves.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Asks it to end; it must do so cleanly and soon.
    pub(crate) fn stop(mut self) -> Setup {
        let status = self.process.terminate(Duration::from_secs(60));
        assert!(status.success(), "{status}:\n{}", self.process.output());
        self.into_setup()
    }

    /// Kills it as a power failure would.
    pub(crate) fn kill(mut self) -> Setup {
        self.process.kill();
        self.into_setup()
    }

    fn into_setup(self) -> Setup {
        let Self { process, setup } = self;
        drop(process);
        setup
    }

    /// Calls the API as the administrator.
    pub(crate) fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let bytes = body.map(|body| body.to_string().into_bytes());
        self.api_bytes(method, path, "application/json", bytes.as_deref())
    }

    /// Calls the API with a body of any type.
    pub(crate) fn api_bytes(&self, method: &str, path: &str, media_type: &str, body: Option<&[u8]>) -> Reply {
        let token = fs::read_to_string(self.setup.data().join("admin.token")).unwrap();
        let bearer = format!("Bearer {}", token.trim());
        let mut fields = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            fields.push(("Content-Type", media_type));
        }
        let host = self.setup.control.to_string();
        Connection::to(self.setup.control).ask(method, &host, path, &fields, body)
    }

    /// A page of the public record.
    pub(crate) fn public(&self, path: &str) -> Reply {
        super::get(self.setup.public, &self.setup.public.to_string(), path)
    }

    /// A page through the edge.
    pub(crate) fn visit(&self, host: &str, path: &str) -> Reply {
        super::get(self.setup.http, host, path)
    }
}
