//! What becomes of a plan: files for other tools, pictures, and Docker. Knows the plan's types and
//! nothing of how a plan is made.

mod buildx;
mod child;
pub(crate) mod columns;
pub mod emit;
pub mod evaluate;
pub mod exec;
mod found;
pub(crate) mod lock;
mod parallel;
pub(crate) mod picture;
mod policy;
pub(crate) mod promote;
pub mod registry;
mod retry;
pub(crate) mod review;
pub(crate) mod stop;
pub(crate) mod summary;
mod tags;
pub mod trust;
