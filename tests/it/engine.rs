//! Plans run on a real engine.
//!
//! Each test builds a small repository whose images all end in what they were built on, so that a
//! wrong base shows in the files.

mod builder;
mod builders;
mod equality;
mod evaluate;
mod evidence;
mod exec;
mod faults;
mod five_images;
mod generated;
mod killed;
mod locked;
mod parts;
mod pipelines;
mod plain;
mod power_loss;
mod prune;
mod pull;
mod registry;
mod runners;
mod sealed;
mod unreliable;
mod waves;
mod working_tree;
