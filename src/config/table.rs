//! Tables of keys: one row says all that there is to say of a key.
//!
//! A row of [`table`] is a field with its documentation. From it come the type that holds what the file
//! says, how that is read, which keys are known, the JSON Schema, and the tables of
//! `docs/configuration.md`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Spanned;
use super::json::{At, Object};

/// What a key holds: how it is read, and which values are right.
pub(super) trait Value: Default {
    /// Whether entries of a wider level stay beside those of a narrower one.
    const MERGES: bool = false;

    /// What messages call several of them.
    const SEVERAL: &str = "strings";

    /// Reads the value; where it is wrong, reports that.
    fn read(at: &mut At<'_, '_>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> Json;
}

/// What a row says beside type and documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Has to be there.
    Required,
    /// Stands in rules and images, not at the top.
    Narrow,
    /// Is part of fingerprints.
    Counts,
}

/// A key.
pub(super) struct Row {
    pub(super) key: &'static str,
    /// Its documentation, in Markdown, on one line.
    pub(super) doc: &'static str,
    pub(super) schema: fn() -> Json,
    /// Whether entries of a wider level stay beside those of a narrower one.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation says it"))]
    pub(super) merges: bool,
    pub(super) flags: &'static [Flag],
}

impl Row {
    /// Whether the row has that flag.
    pub(super) fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The documentation as sentences, for editors.
    fn description(&self) -> String {
        let doc = self.doc.trim();
        let mut text: String = doc.chars().take(1).flat_map(char::to_uppercase).collect();
        text.extend(doc.chars().skip(1).chain(['.']));
        if self.is(Flag::Counts) {
            text += " It affects fingerprints.";
        }
        text
    }
}

/// A table of keys, and the struct that holds their values; `with` names fields that are no keys. A field
/// whose name is not the key has the key behind it: `matches ("match"): …`.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(with {
            $( $(#[$more_meta:meta])* $more:ident: $more_type:ty, )*
        })? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(($key:literal))?: $kind:ty $(, $flag:ident)*;
            )*
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $( $(#[$more_meta])* pub(crate) $more: $more_type, )* )?
            $( $(#[doc = $doc])+ pub(crate) $field: $kind, )*
        }

        impl $name {
            /// A row for each key.
            pub(in crate::config) const ROWS: &[$crate::config::table::Row] = &[
                $( $crate::config::table::Row {
                    key: $crate::config::table::key!($field $($key)?),
                    doc: concat!($($doc),+),
                    schema: <$kind as $crate::config::table::Value>::schema,
                    merges: <$kind as $crate::config::table::Value>::MERGES,
                    flags: &[$($crate::config::table::Flag::$flag),*],
                }, )*
            ];

            /// Reads what is there. Which keys are known is not asked here.
            pub(in crate::config) fn read(object: &mut $crate::config::json::Object<'_, '_>) -> Self {
                $crate::config::table::check_required(object, Self::ROWS);
                Self {
                    $( $field: $crate::config::table::read(
                        object,
                        $crate::config::table::key!($field $($key)?),
                    ), )*
                    $( $( $more: Default::default(), )* )?
                }
            }
        }
    };
}

/// The key of a field.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

pub(super) use {key, table};

/// The keys of tables.
pub(super) fn keys<'r>(tables: impl IntoIterator<Item = &'r [Row]>) -> Vec<&'static str> {
    tables.into_iter().flatten().map(|row| row.key).collect()
}

/// The value at a key, the default where it is not there or wrong.
pub(super) fn read<T: Value>(object: &mut Object<'_, '_>, key: &str) -> T {
    let value = object.get(key).and_then(|mut at| T::read(&mut at));
    value.unwrap_or_default()
}

/// Reports the keys that have to be there and are not.
pub(super) fn check_required(object: &mut Object<'_, '_>, rows: &[Row]) {
    for row in rows {
        if row.is(Flag::Required) && !object.has(row.key) {
            object.missing(row.key);
        }
    }
}

/// The schema of an object with these keys and no others.
pub(super) fn schema<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Json {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for row in rows {
        let mut schema = json!({"description": row.description()});
        if let (Some(all), Json::Object(own)) = (schema.as_object_mut(), (row.schema)()) {
            all.extend(own);
        }
        properties.insert(row.key.to_owned(), schema);
        if row.is(Flag::Required) {
            required.push(row.key);
        }
    }
    let mut schema =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

impl Value for String {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        Some(at.string()?.value)
    }

    fn schema() -> Json {
        json!({"type": "string"})
    }
}

impl Value for Spanned<String> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        at.string()
    }

    fn schema() -> Json {
        String::schema()
    }
}

impl<T: Value> Value for Option<T> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        T::read(at).map(Some)
    }

    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        Some(at.elements(T::SEVERAL, T::read))
    }

    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    const MERGES: bool = true;

    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let entries = at.entries(|key, _, value| Some((key.to_owned(), T::read(value)?)));
        Some(entries.into_iter().collect())
    }

    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}
