//! Known answers from outside: requests signed by Python's `hmac` and `hashlib`
//! (`tests/vectors/make.py`), and what a verifier must find.

use std::path::Path;

use serde_json::Value;

/// A signed request and what must be found.
#[allow(dead_code, reason = "each suite reads what it needs")]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) secret: String,
    pub(crate) now: u64,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// `ok` or the reason.
    pub(crate) expect: String,
}

pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs
        .map(|pair| {
            (
                pair[0].as_str().unwrap().to_owned(),
                pair[1].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

pub(crate) fn own() -> Vec<Value> {
    let file = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/vectors.json"),
    )
    .unwrap();
    let document: Value = serde_json::from_str(&file).unwrap();
    document["vectors"].as_array().unwrap().clone()
}

pub(crate) fn own_vector(value: &Value) -> Vector {
    Vector {
        name: text(value, "name"),
        provider: text(value, "provider"),
        secret: text(value, "secret"),
        now: value["now"].as_u64().unwrap(),
        method: text(value, "method"),
        url: text(value, "public_url") + &text(value, "target"),
        headers: pairs(&value["headers"]),
        body: hex::decode(text(value, "body_hex")).unwrap(),
        expect: text(value, "expect"),
    }
}
