//! What of a file may be repeated in messages: nothing that may be a secret.
//!
//! Secrets are pasted where they do not belong: as a name, as a path, as a key. What has the look of one
//! is replaced by [`HIDDEN`], wherever it stands.

/// What stands in a message for what is not shown.
pub(crate) const HIDDEN: &str = "…";

/// The words that a value can be (`seconds-to-ms`, `x-forwarded`) and the durations that people write
/// are not longer; secrets are.
pub(crate) const LONGEST_WORD_BYTES: usize = 16;

/// Longer ids of secrets may be the secret itself.
pub(crate) const LONGEST_ID_BYTES: usize = 24;

/// No key of the configuration is longer.
const LONGEST_KEY_BYTES: usize = 28;

/// A word of this length in which letters and digits alternate is a token rather than a name.
const SHORTEST_TOKEN_BYTES: usize = 16;

/// How often letters and digits alternate in a token; in names such as `crm-2026-v2` they do so less often.
const TURNS_OF_A_TOKEN: usize = 5;

/// Longer texts are not taken for names of environment variables.
const LONGEST_VARIABLE_BYTES: usize = 64;

/// Whether a text has the look of a key or token: hexadecimal, base64, a UUID, a JWT.
pub(crate) fn looks_like_secret(text: &str) -> bool {
    let is_of_word = |byte: char| byte.is_ascii_alphanumeric() || "-_+=".contains(byte);
    text.split(|character| !is_of_word(character)).any(is_token)
}

/// Whether a text has the look of the URL of a store, which may have a password in it.
pub(crate) fn may_be_store_url(text: &str) -> bool {
    let signs = [
        "redis:", "rediss:", "redis+", "rediss+", "pass=", "nats:", "tls:",
    ];
    signs.iter().any(|sign| text.contains(sign))
}

fn is_token(word: &str) -> bool {
    let kinds = word.bytes().filter(u8::is_ascii_alphanumeric);
    let digits: Vec<bool> = kinds.map(|byte| byte.is_ascii_digit()).collect();
    let turns = digits.windows(2).filter(|pair| pair.first() != pair.last());
    word.len() >= SHORTEST_TOKEN_BYTES && turns.count() >= TURNS_OF_A_TOKEN
}

/// The text, unless it looks like a secret.
pub(crate) fn shown(text: &str) -> &str {
    if looks_like_secret(text) {
        HIDDEN
    } else {
        text
    }
}

/// The name of an unknown key, unless it may be a secret: longer than any key, or no word of letters.
pub(crate) fn key(name: &str) -> &str {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let longest = if is_word {
        LONGEST_KEY_BYTES
    } else {
        LONGEST_WORD_BYTES
    };
    if name.len() > longest {
        HIDDEN
    } else {
        shown(name)
    }
}

/// Whether a text can be the name of an environment variable, and hardly a secret.
pub(crate) fn is_variable(text: &str) -> bool {
    let is_of_name = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    (1..=LONGEST_VARIABLE_BYTES).contains(&text.len())
        && text.bytes().all(is_of_name)
        && !looks_like_secret(text)
}

/// Whether a text is written as a path from the root, the working directory or the home, and no part of
/// it looks like a secret. Anything else may be the secret itself.
pub(crate) fn is_path(text: &str) -> bool {
    let starts = ["/", "./", "../", "~/"];
    starts.iter().any(|start| text.starts_with(start)) && !looks_like_secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hidden_and_names_are_not() {
        for token in [
            "2f7a1c90-5b3e-4d21-9c8f-0a1b2c3d4e5f",
            "pat-na1-2f7a1c90-5b3e-4d21-9c8f-0a1b2c3d4e5f",
            "d2b8c1e0f4a95a7b3c6d8e9f0a1b2c3d",
            "/hooks/d2b8c1e0f4a95a7b3c6d8e9f0a1b2c3d/in",
            "k3Jx8Pq2Lm9Zr5Tv1Wc7",
        ] {
            assert_eq!(shown(token), HIDDEN, "{token}");
        }
        for name in [
            "hubspot-crm",
            "hubspot-crm-2026-production",
            "/hooks/v2/hubspot/2026-11-24",
            "https://hooks.example.com:8443/in",
            "X-HubSpot-Signature-v3",
            "",
        ] {
            assert_eq!(shown(name), name);
        }
        assert_eq!(key("max_conections"), "max_conections");
        assert_eq!(key("visible-secret-of-an-app"), HIDDEN);
        assert!(is_variable("HUBSPOT_CLIENT_SECRET_2") && !is_variable("visible-secret"));
        assert!(is_path("/run/secrets/hubspot") && !is_path("hubspot"));
    }
}
