//! Go's own rules, where what a text means to BuildKit depends on them.

pub(crate) mod duration;
pub(crate) mod regexp;
pub(crate) mod text;
