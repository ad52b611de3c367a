//! `wardmote up`: everything in one process, from the first check to the last join.

mod choice;
mod folder;
mod names;
mod origins;
mod plan;
mod ports;
mod report;
