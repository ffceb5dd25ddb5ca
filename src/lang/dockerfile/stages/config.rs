//! The configuration of an image, as far as it is known.

use std::collections::{BTreeMap, BTreeSet};

use super::ports::Ports;
use super::variables::Variables;

/// What an image says of itself: the result of a stage, or what is known of an external base image.
///
/// In fields of type `Option`, `None` is what nobody knows; what is known to be missing is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// `ENV`.
    pub env: Variables,
    /// `LABEL`; a value is `None` where it is unknown.
    pub labels: BTreeMap<String, Option<String>>,
    /// `WORKDIR`.
    pub workdir: Option<String>,
    /// `USER`; empty for the default one.
    pub user: Option<String>,
    /// `SHELL`; empty for the default one.
    pub shell: Option<Vec<String>>,
    /// `CMD`.
    pub cmd: Option<Vec<String>>,
    /// `ENTRYPOINT`.
    pub entrypoint: Option<Vec<String>>,
    /// `EXPOSE`.
    pub exposed_ports: Ports,
    /// `VOLUME`.
    pub volumes: BTreeSet<String>,
    /// `STOPSIGNAL`.
    pub stopsignal: Option<String>,
    /// `ONBUILD`: the instructions that run in a build on top of this image, in order.
    pub triggers: Vec<String>,
}

impl ImageConfig {
    /// Nothing is known. No triggers are assumed.
    pub fn unknown() -> Self {
        Self {
            env: Variables::unknown(),
            workdir: None,
            user: None,
            shell: None,
            cmd: None,
            entrypoint: None,
            stopsignal: None,
            ..Self::empty()
        }
    }

    /// Known to say nothing.
    pub fn empty() -> Self {
        Self {
            env: Variables::empty(),
            labels: BTreeMap::new(),
            workdir: Some(String::new()),
            user: Some(String::new()),
            shell: Some(Vec::new()),
            cmd: Some(Vec::new()),
            entrypoint: Some(Vec::new()),
            exposed_ports: Ports::default(),
            volumes: BTreeSet::new(),
            stopsignal: Some(String::new()),
            triggers: Vec::new(),
        }
    }

    /// That of `scratch`.
    pub(super) fn scratch() -> Self {
        Self {
            workdir: Some("/".to_owned()),
            ..Self::empty()
        }
    }
}
