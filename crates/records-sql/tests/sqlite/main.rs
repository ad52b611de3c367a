//! Everything that is tested of the SQLite adapter from outside, in one binary.

mod backup;
mod contract;
mod crash;
mod guards;
mod opening;
mod speed;
