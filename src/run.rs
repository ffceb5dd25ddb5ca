//! What becomes of a plan: files for other tools, pictures, and Docker. Knows the plan's types and
//! nothing of how a plan is made.

mod buildx;
pub mod emit;
pub mod exec;
pub(crate) mod picture;
pub(crate) mod review;
