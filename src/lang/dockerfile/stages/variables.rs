//! Variables in the order in which they were first set, some of them perhaps unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::dockerfile::expand::{Environment, Value};

/// An ordered environment. Cloning shares the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    order: Vec<Arc<str>>,
    /// `None` where there is a value that nobody knows.
    values: BTreeMap<Arc<str>, Option<Arc<str>>>,
    /// Whether a name that is not here is unset, rather than unknown.
    complete: bool,
}

impl Variables {
    /// None at all.
    pub fn empty() -> Self {
        Self {
            order: Vec::new(),
            values: BTreeMap::new(),
            complete: true,
        }
    }

    /// Nobody can tell what there is.
    pub fn unknown() -> Self {
        Self {
            complete: false,
            ..Self::empty()
        }
    }

    /// Sets a variable; to `None` where its value is unknown.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(Arc::from);
        if let Some(old) = self.values.get_mut(name) {
            *old = value;
        } else {
            let name: Arc<str> = name.into();
            self.order.push(Arc::clone(&name));
            self.values.insert(name, value);
        }
    }

    /// A variable whose name is unknown was set: from here on, any may have any value.
    pub fn forget(&mut self) {
        *self = Self::unknown();
    }

    /// Takes a variable away.
    pub(super) fn remove(&mut self, name: &str) {
        self.values.remove(name);
        self.order.retain(|known| &**known != name);
    }

    /// The variables that are known by name, with their values (`None` where unknown), in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.order
            .iter()
            .map(|name| (&**name, self.values[name].as_deref()))
    }
}

impl Environment for Variables {
    fn get(&self, name: &str) -> Value<'_> {
        match self.values.get(name) {
            Some(Some(value)) => Value::Set(value),
            None if self.complete => Value::Unset,
            Some(None) | None => Value::Unknown,
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Variables {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut variables = Self::empty();
        for (name, value) in pairs {
            variables.set(name, Some(value));
        }
        variables
    }
}
