//! Plans run on a real engine.
//!
//! Each test builds a small repository whose images all end in what they were built on, so that a
//! wrong base shows in the files.

mod exec;
mod five_images;
mod killed;
mod registry;
mod runners;
mod sealed;
