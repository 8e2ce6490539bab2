//! The JSON Schema of the configuration file, for editors that complete and check it.
//!
//! It is made of the types that the file is read into, so that it cannot fall behind them, and of the
//! descriptions of the providers.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::raw::RawConfig;
use crate::config::scheme_keys::{KEYS, belongs, has_versions, signs_time, versions};
use crate::providers::Providers;
use crate::verify::API_KEY;
use crate::verify::Provider;

/// The schema of a file that may name these providers, as JSON Schema 2020-12.
#[must_use]
pub fn schema(providers: Providers) -> Value {
    let mut schema = tables();
    if let Some(verify) = schema.pointer_mut("/$defs/route/properties/verify") {
        complete_verify(verify, providers);
    }
    if let Some(Value::Object(secret)) = schema.pointer_mut("/$defs/secret") {
        secret.insert("oneOf".to_owned(), choices(&["value", "file", "env"]));
    }
    if let Some(Value::Object(server)) = schema.pointer_mut("/properties/server") {
        server.insert("anyOf".to_owned(), choices(&["listen", "tls"]));
        let needs = json!({ "upgrade_socket": ["pid_file"] });
        server.insert("dependentRequired".to_owned(), needs);
    }
    for stores in &STORES {
        if let Some(Value::Object(table)) = schema.pointer_mut(stores.table) {
            stores.complete(table);
        }
    }
    schema
}

/// A table whose keys depend on its `store`.
struct Stores {
    /// Where the schema has it.
    table: &'static str,
    /// The store that it names where it does not have the default.
    other: &'static str,
    of_default: &'static [&'static str],
    required_of_default: &'static [&'static str],
    of_other: &'static [&'static str],
    required_of_other: &'static [&'static str],
}

const STORES: [Stores; 2] = [
    Stores {
        table: "/$defs/replay",
        other: "redis",
        of_default: &["capacity"],
        required_of_default: &[],
        of_other: &["url", "prefix", "timeout", "on_store_failure"],
        required_of_other: &["url"],
    },
    Stores {
        table: "/$defs/spool",
        other: "nats",
        of_default: &["directory", "max_bytes"],
        required_of_default: &["directory"],
        of_other: &["url", "credentials", "stream", "replicas"],
        required_of_other: &["url"],
    },
];

impl Stores {
    /// Says which keys each store has.
    fn complete(&self, table: &mut Map<String, Value>) {
        let is_other = json!({
            "properties": { "store": { "const": self.other } },
            "required": ["store"],
        });
        let with = |required: &[&str], absent: &[&str]| {
            let absent = absent.iter();
            let absent = absent.map(|key| ((*key).to_owned(), Value::Bool(false)));
            let absent: Map<String, Value> = absent.collect();
            json!({ "properties": absent, "required": required })
        };
        let then = with(self.required_of_other, self.of_default);
        let otherwise = with(self.required_of_default, self.of_other);
        table.insert("if".to_owned(), is_other);
        table.insert("then".to_owned(), then);
        table.insert("else".to_owned(), otherwise);
    }
}

/// The tables and their keys, without what depends on providers.
fn tables() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RawConfig>().to_value();
    forget_null(&mut schema);
    schema
}

/// Says of `[route.verify]` which schemes there are, and which keys each has.
fn complete_verify(verify: &mut Value, providers: Providers) {
    let names: Vec<&str> = providers.iter().map(|provider| provider.name).collect();
    let schemes: Vec<&str> = names.iter().copied().chain([API_KEY]).collect();
    let mut all_versions: Vec<&str> = providers
        .iter()
        .filter(|provider| has_versions(provider))
        .flat_map(versions)
        .collect();
    all_versions.sort_unstable();
    all_versions.dedup();
    for (key, values) in [
        ("/properties/scheme", schemes),
        ("/properties/versions/items", all_versions),
        ("/properties/sender", names),
    ] {
        if let Some(Value::Object(key)) = verify.pointer_mut(key) {
            key.insert("enum".to_owned(), json!(values));
        }
    }
    let of_providers = providers.iter().map(|provider| of_scheme(Some(provider)));
    let choices: Vec<Value> = of_providers.chain([of_scheme(None)]).collect();
    if let Value::Object(verify) = verify {
        verify.insert("oneOf".to_owned(), Value::Array(choices));
    }
}

/// What else holds if the scheme is this provider's; without a provider, if it is `api-key`.
fn of_scheme(provider: Option<&'static Provider>) -> Value {
    let name = provider.map_or(API_KEY, |provider| provider.name);
    let mut properties = Map::new();
    properties.insert("scheme".to_owned(), json!({ "const": name }));
    for key in KEYS.iter().filter(|key| !belongs(key, provider)) {
        properties.insert((*key).to_owned(), Value::Bool(false));
    }
    let schemes = provider.map_or(&[][..], |provider| provider.schemes);
    if !schemes.iter().any(signs_time) {
        properties.insert("replay".to_owned(), json!({ "const": false }));
    }
    match provider {
        Some(provider) if has_versions(provider) => {
            let items = json!({ "items": { "enum": versions(provider) } });
            properties.insert("versions".to_owned(), items);
            let with_time = schemes.iter().filter(|scheme| signs_time(scheme));
            let with_time: Vec<&str> = with_time.map(|scheme| scheme.version).collect();
            json!({
                "properties": properties,
                "required": ["versions"],
                "if": { "properties": { "replay": { "const": true } }, "required": ["replay"] },
                "then": { "properties": { "versions": { "contains": { "enum": with_time } } } },
            })
        }
        Some(_) => json!({ "properties": properties }),
        None => json!({ "properties": properties, "oneOf": choices(&["header", "query"]) }),
    }
}

/// A choice for each of these keys: that it is there.
fn choices(keys: &[&str]) -> Value {
    let choices = keys.iter().map(|key| json!({ "required": [key] }));
    Value::Array(choices.collect())
}

/// Each table of the file, and where the schema has it.
const TABLES: [(&str, &str); 13] = [
    ("", ""),
    ("server", "/properties/server"),
    ("server.tls", "/$defs/tls"),
    ("server.tls.certificates", "/$defs/certificate"),
    ("admin", "/properties/admin"),
    ("log", "/$defs/log"),
    ("record", "/$defs/record"),
    ("replay", "/$defs/replay"),
    ("spool", "/$defs/spool"),
    ("route", "/$defs/route"),
    ("route.verify", "/$defs/route/properties/verify"),
    ("route.verify.secrets", "/$defs/secret"),
    ("server.listen", "/$defs/socket"),
];

/// Every key that the file can have, by the dotted name of its table.
pub(crate) struct Keys(BTreeMap<&'static str, BTreeSet<String>>);

impl Keys {
    pub(crate) fn of_file() -> Self {
        let schema = tables();
        let keys_of = |place: &str| {
            let properties = schema.pointer(place)?.get("properties")?.as_object()?;
            Some(properties.keys().cloned().collect())
        };
        let tables = TABLES.iter();
        Self(
            tables
                .map(|(table, place)| (*table, keys_of(place).unwrap_or_default()))
                .collect(),
        )
    }

    /// Each key with its table, in the order of the tables in the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'static str)> {
        TABLES.iter().flat_map(|(table, _)| {
            let keys = self.0.get(table).into_iter().flatten();
            keys.map(move |key| (key.as_str(), *table))
        })
    }

    /// Whether a table of ours has this key.
    pub(crate) fn has(&self, table: &str, key: &str) -> bool {
        self.0.get(table).is_some_and(|keys| keys.contains(key))
    }

    /// The table of ours that has this key, or one of several.
    pub(crate) fn home_of(&self, key: &str) -> Option<&'static str> {
        let mut tables = self.0.iter();
        let found = tables.find(|(_, keys)| keys.contains(key));
        found.map(|(table, _)| *table)
    }

    /// Whether this dotted key is a table, or a list of tables.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

/// TOML has no null: a key that is not given is not there.
fn forget_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for inner in object.values_mut() {
                forget_null(inner);
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [kind] = types.as_slice() {
                    let kind = kind.clone();
                    object.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
                if let [Value::Object(only)] = choices.as_mut_slice() {
                    let only = std::mem::take(only);
                    object.remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(forget_null),
        _ => {}
    }
}
