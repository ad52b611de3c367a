mod life;
mod population;
mod scenarios;
mod simulation;

use super::*;
use population::{Crowd, Visitors};
use vocabulary::{SeededRandom, Timestamp};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + ms)
}
