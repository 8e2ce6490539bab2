//! An entry of `server.listen`: a text, or a table for a Unix socket whose permissions are said too.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::spanned::Spanned;

/// An entry of `server.listen`.
pub(crate) enum RawListen {
    /// `"IP:PORT"` or `"unix:/path"`.
    Text(String),
    /// `{ path = "/path", mode = "0660" }`.
    Socket(RawSocket),
}

/// A Unix socket.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "socket")]
pub(crate) struct RawSocket {
    /// Where its file is.
    #[schemars(required, regex(pattern = "^/.*[^/]$"), length(max = 107))]
    pub(crate) path: Option<Spanned<String>>,
    /// The permissions of its file, in octal digits. Whoever may write may connect.
    #[schemars(regex(pattern = "^0?[0-7]{3}$"), extend("default" = "0660"))]
    pub(crate) mode: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for RawListen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not serde's untagged enum: it reads ahead, and the places of the keys are lost.
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = RawListen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an address in quotes, such as \"127.0.0.1:8080\" or \"unix:/run/hookward/in.sock\"",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RawListen, E> {
        Ok(RawListen::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawListen, A::Error> {
        RawSocket::deserialize(MapAccessDeserializer::new(map)).map(RawListen::Socket)
    }
}

impl JsonSchema for RawListen {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "listen".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let socket = generator.subschema_for::<RawSocket>();
        json_schema!({
            "anyOf": [
                {
                    "type": "string",
                    "pattern": "^([^:]+:[0-9]{1,5}|\\[.+\\]:[0-9]{1,5}|unix:/.*[^/])$",
                },
                socket,
            ],
        })
    }
}
