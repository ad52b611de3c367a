//! Two processes in one: what is said, what changes hands, and what a slip leaves behind.

use super::*;
use std::net::{SocketAddr, TcpListener, TcpStream};
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
    let path = folder.path().to_path_buf();
    let new = tokio::task::spawn_blocking(move || {
        let taken = Taken::ask(&path).unwrap();
        taken.have_it_let_go().unwrap();
        let own = taken.sockets.clone();
        taken.accepting();
        own
    });
    let taker = taker_of(&door).await.give(sockets).await.unwrap();
    taker.take_it().await.unwrap();
    let taken = new.await.unwrap();
    assert!(addresses.iter().all(|address| taken.has(*address)));
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
    assert!(taker_of(&door).await.give(listening(1).0).await.is_err(), "asked for nothing");

    let stream = connect();
    wire::say(&stream, Word::Accepting, None).unwrap();
    assert!(taker_of(&door).await.give(listening(1).0).await.is_err(), "a word out of place");

    let stream = connect();
    wire::say(&stream, Word::Ask, None).unwrap();
    wire::say(&stream, Word::LetGo, None).unwrap();
    let taker = taker_of(&door).await.give(listening(1).0).await.unwrap();
    drop(stream);
    assert!(taker.take_it().await.is_err(), "ended instead of accepting");
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
    drop(door);
    assert!(!folder.path().join(DOOR).exists());
}

#[test]
fn every_word_has_a_byte_of_its_own() {
    for (byte, word) in Word::ALL {
        assert_eq!((word.byte(), Word::of(byte)), (byte, Some(word)));
    }
    assert_eq!(Word::of(0), None);
}
