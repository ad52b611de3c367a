//! Two processes in one: what is said, what changes hands, and what a slip leaves behind.

use super::*;
use edge::{Datagrams, Predecessor};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

async fn taker_of(door: &Door) -> Taker {
    door.taker().await
}

fn listening(count: usize) -> (Vec<TcpListener>, Vec<SocketAddr>) {
    let sockets: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    (sockets, addresses)
}

#[tokio::test]
async fn all_sockets_change_hands_with_the_connections_that_wait_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path()).unwrap();
    let (sockets, addresses) = listening(100);
    let waiting = TcpStream::connect(addresses[70]).unwrap();
    let quic = UdpSocket::bind("127.0.0.1:0").unwrap();
    let passage = UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let before = Some(Predecessor { generation: 7, passage });
    let datagrams = Datagrams { socket: quic, before };
    let path = folder.path().to_path_buf();
    let new = tokio::task::spawn_blocking(move || {
        let taken = Taken::ask(&path).unwrap();
        taken.have_it_let_go().unwrap();
        let own = taken.sockets.clone();
        taken.accepting(STEP_TIME_MAX).unwrap();
        own
    });
    let taker = taker_of(&door).await.give(sockets, vec![datagrams]).await.unwrap();
    taker.take_it(STEP_TIME_MAX).await.unwrap().make_way().await.unwrap();
    let taken = new.await.unwrap();
    assert!(addresses.iter().all(|address| taken.has(*address)));
    assert_eq!(taken.generation(), Some(7));
    let socket = taken.of(addresses[70]).unwrap().remove(0);
    let (_, peer) = socket.accept().unwrap();
    assert_eq!(peer, waiting.local_addr().unwrap());
}

#[tokio::test]
async fn a_new_process_that_fails_is_noticed_at_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path()).unwrap();
    let connect = || UnixStream::connect(folder.path().join(DOOR)).unwrap();

    let stream = connect();
    drop(stream);
    assert!(taker_of(&door).await.give(listening(1).0, Vec::new()).await.is_err(), "asked for nothing");

    let stream = connect();
    wire::say(&stream, Word::Accepting, None).unwrap();
    assert!(taker_of(&door).await.give(listening(1).0, Vec::new()).await.is_err(), "a word out of place");

    let stream = connect();
    wire::say(&stream, Word::Ask, None).unwrap();
    wire::say(&stream, Word::LetGo, None).unwrap();
    let taker = taker_of(&door).await.give(listening(1).0, Vec::new()).await.unwrap();
    drop(stream);
    assert!(taker.take_it(STEP_TIME_MAX).await.is_err(), "ended instead of accepting");
}

/// Up to where the new process is to start.
async fn both_sides(folder: &Path, door: &Door) -> (Taker, Taken) {
    let path = folder.to_path_buf();
    let new = tokio::task::spawn_blocking(move || {
        let taken = Taken::ask(&path).unwrap();
        wire::say(&taken.stream, Word::LetGo, None).unwrap();
        taken
    });
    let taker = taker_of(door).await.give(listening(1).0, Vec::new()).await.unwrap();
    (taker, new.await.unwrap())
}

#[tokio::test]
async fn one_of_the_two_serves_and_the_other_ends_whatever_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path()).unwrap();
    let soon = Duration::from_millis(50);

    // The new one is too slow: once the old one has given up, nothing makes it end.
    let (taker, taken) = both_sides(folder.path(), &door).await;
    assert!(taker.take_it(soon).await.is_err());
    wire::expect(&taken.stream, Word::HasLetGo, STEP_TIME_MAX).unwrap();
    assert!(wire::say(&taken.stream, Word::Accepting, None).is_err(), "nobody hears it any more");

    // The old one is too slow to make way: the new one says so and ends, and the old one notices.
    let (taker, taken) = both_sides(folder.path(), &door).await;
    let new = tokio::task::spawn_blocking(move || {
        wire::expect(&taken.stream, Word::HasLetGo, STEP_TIME_MAX).unwrap();
        taken.accepting(soon)
    });
    let taker = taker.take_it(STEP_TIME_MAX).await.unwrap();
    assert!(wire::is_late(&new.await.unwrap().unwrap_err()));
    assert!(taker.make_way().await.is_err());

    // The old one has ended by itself: the new one serves.
    let (taker, taken) = both_sides(folder.path(), &door).await;
    drop(taker);
    taken.accepting(STEP_TIME_MAX).unwrap();
}

#[tokio::test]
async fn a_process_that_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path()).unwrap();
    let script = "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
                  s.send(b'?\\0l\\0'); time.sleep(600)";
    let mut slow = std::process::Command::new("python3");
    let mut slow = slow.args(["-c", script]).arg(folder.path().join(DOOR)).spawn().unwrap();
    let taker = taker_of(&door).await.give(listening(1).0, Vec::new()).await.unwrap();
    assert!(taker.take_it(Duration::from_millis(50)).await.is_err());
    let ended = tokio::task::spawn_blocking(move || slow.wait().unwrap()).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9));
}

#[test]
fn one_who_does_not_listen_holds_nobody_up() {
    let (near, _far) = UnixStream::pair().unwrap();
    let soon = Duration::from_millis(10);
    let late = loop {
        if let Err(error) = wire::say_within(soon, &near, Word::Ask, None) {
            break error;
        }
    };
    assert!(wire::is_late(&late), "{late}");
}

#[tokio::test]
async fn the_door_is_its_owners_alone_and_goes_with_its_process() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    assert!(Taken::ask(folder.path()).is_err(), "nobody runs");
    let first = Door::open(folder.path()).unwrap();
    std::mem::forget(first);
    let door = Door::open(folder.path()).unwrap();
    let mode = std::fs::metadata(folder.path().join(DOOR)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let next = Door::open(folder.path()).unwrap();
    drop(door);
    assert!(folder.path().join(DOOR).exists(), "it is the next one's");
    drop(next);
    assert!(!folder.path().join(DOOR).exists());
}

#[test]
fn every_word_is_read_as_it_was_written() {
    let words = [Word::Ask, Word::Socket, Word::Datagrams(0), Word::Datagrams(255), Word::Passage];
    let words = words.into_iter().chain([Word::AllGiven, Word::LetGo, Word::HasLetGo, Word::Accepting]);
    for word in words.chain([Word::Yours]) {
        assert_eq!(Word::of(word.bytes()), Some(word));
    }
    assert_eq!(Word::of([0, 0]), None);
}

/// What a new process makes of an old one that says this at the door.
fn asking(say: impl FnOnce(&UnixStream) -> std::io::Result<()> + Send + 'static) -> std::io::Result<Taken> {
    let folder = tempfile::tempdir().unwrap();
    let door = std::os::unix::net::UnixListener::bind(folder.path().join(DOOR)).unwrap();
    let old = std::thread::spawn(move || {
        let (stream, _) = door.accept().unwrap();
        wire::expect(&stream, Word::Ask, STEP_TIME_MAX).unwrap();
        // The new one may have had enough before all was said.
        let _ = say(&stream);
        stream
    });
    let taken = Taken::ask(folder.path());
    old.join().unwrap();
    taken
}

#[test]
fn a_new_process_takes_nothing_from_one_that_speaks_out_of_turn() {
    use std::os::fd::AsFd as _;
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(asking(|old| wire::say(old, Word::AllGiven, None)).is_ok());
    let without_socket = asking(|old| wire::say(old, Word::Socket, None));
    let early = asking(|old| wire::say(old, Word::Yours, None));
    let without_passage = asking(move |old| {
        wire::say(old, Word::Datagrams(1), Some(socket().as_fd()))?;
        wire::say(old, Word::AllGiven, None)
    });
    let passage_alone = asking(move |old| {
        wire::say(old, Word::Datagrams(1), Some(socket().as_fd()))?;
        wire::say(old, Word::Passage, None)
    });
    let ended = asking(|old| old.shutdown(std::net::Shutdown::Both));
    for (what, taken) in [
        ("a socket that is not there", without_socket),
        ("a later word", early),
        ("no passage", without_passage),
        ("a passage that is not there", passage_alone),
        ("the end", ended),
    ] {
        assert!(taken.is_err(), "{what}");
    }
}

#[test]
fn a_new_process_takes_no_more_sockets_than_there_can_be() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::os::fd::AsFd as _;
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let taken = asking(|old| {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        (0..SOCKETS_MAX + 2).try_for_each(|_| wire::say(old, Word::Socket, Some(socket.as_fd())))?;
        wire::say(old, Word::AllGiven, None)
    });
    let error = taken.map(drop).unwrap_err().to_string();
    assert!(error.contains("more sockets"), "{error}");
}

#[test]
fn a_word_that_brings_a_socket_nobody_asked_for_is_none() {
    use std::os::fd::AsFd as _;
    let (near, far) = UnixStream::pair().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    wire::say(&near, Word::LetGo, Some(socket.as_fd())).unwrap();
    assert!(wire::expect(&far, Word::LetGo, STEP_TIME_MAX).is_err());
    std::io::Write::write_all(&mut &near, b"l").unwrap();
    assert!(wire::hear(&far, STEP_TIME_MAX).is_err(), "half a word");
}

#[tokio::test]
async fn a_process_of_another_user_is_sent_away() {
    use std::os::unix::fs::PermissionsExt as _;
    if !geteuid().is_root() {
        // Nobody else can become another user.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let door = Door::open(folder.path()).unwrap();
    // The door's own permissions would have kept it out before.
    for path in [folder.path().to_path_buf(), folder.path().join(DOOR)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script = "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); \
                  s.connect(sys.argv[1]); sys.exit(0 if s.recv(1) == b'' else 1)";
    let mut foreign = std::process::Command::new("python3");
    let mut foreign = foreign.args(["-c", script]).arg(folder.path().join(DOOR)).spawn().unwrap();
    let gone = tokio::task::spawn_blocking(move || foreign.wait().unwrap());
    tokio::select! {
        taker = door.taker() => panic!("{taker:?} is let in"),
        gone = gone => assert!(gone.unwrap().success(), "it is hung up on"),
    }
}
