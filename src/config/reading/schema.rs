//! The JSON Schema of the configuration file, for editors that complete and check it.
//!
//! It is made of the types that the file is read into, so that it cannot fall behind them.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::RawConfig;

/// The schema, as JSON Schema 2020-12.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RawConfig>().to_value();
    forget_null(&mut schema);
    schema
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
