//! The value of `Forwarded` (RFC 7239 section 4): a list of elements, each a proxy's report.
//!
//! Only the last element is of interest: it is the one that the trusted peer wrote. But where it begins
//! is only known after reading the whole, and anybody can write the elements before it. So what the
//! grammar does not allow is an error wherever it stands, with two exceptions that have one reading alone
//! and that proxies do send: blanks around `;`, and a port or an IPv6 address without quotes.

use std::borrow::Cow;

use crate::http1::fields::is_token_byte;

/// What an element says. Absent parameters were not there; others than these are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// `for`
    pub(super) client: Option<Cow<'a, str>>,
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) proto: Option<Cow<'a, str>>,
}

/// The most parameters of an element. Four are registered, and each is compared with all before it.
const MAX_PARAMETERS: usize = 16;

/// Reads a value's last element; an empty one where the list is empty. `None` where the value cannot be
/// read.
pub(super) fn last_element(value: &str) -> Option<Element<'_>> {
    let mut last = Element::default();
    let mut rest = Some(value);
    while let Some(list) = rest {
        let (element, after) = read_element(list)?;
        // A list may have empty elements (RFC 9110 section 5.6.1), which do not count.
        last = element.unwrap_or(last);
        rest = after;
    }
    Some(last)
}

/// Reads the first element of a list, if it is not empty, and returns what follows its comma.
fn read_element(list: &str) -> Option<(Option<Element<'_>>, Option<&str>)> {
    let mut element = Element::default();
    let mut names: Vec<&str> = Vec::new();
    let mut is_empty = true;
    let mut rest = trim_start(list);
    loop {
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, value, after) = read_parameter(rest)?;
            let is_repeated = names.iter().any(|other| other.eq_ignore_ascii_case(name));
            if is_repeated || names.len() >= MAX_PARAMETERS {
                return None;
            }
            names.push(name);
            element.set(name, value);
            is_empty = false;
            rest = trim_start(after);
        }
        if let Some(after) = rest.strip_prefix(';') {
            is_empty = false;
            rest = trim_start(after);
        } else {
            let after = match rest.strip_prefix(',') {
                None if !rest.is_empty() => return None,
                after => after,
            };
            return Some(((!is_empty).then_some(element), after));
        }
    }
}

/// Reads `name=value` or `name="value"`, and returns what follows it.
fn read_parameter(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = read_quoted(quoted)?;
        return Some((name, value, after));
    }
    let is_other = |character: char| !is_unquoted(character);
    let end = rest.find(is_other).unwrap_or(rest.len());
    let (value, after) = rest.split_at_checked(end)?;
    (!value.is_empty()).then_some((name, Cow::Borrowed(value), after))
}

/// Reads a quoted text behind its opening quote (RFC 9110 section 5.6.4), and returns what follows it.
fn read_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    let (plain, rest) = text.split_at_checked(end)?;
    if let Some(after) = rest.strip_prefix('"') {
        return Some((Cow::Borrowed(plain), after));
    }
    let mut value = plain.to_owned();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some((Cow::Owned(value), characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

/// A character of a token, or one of those that a host and port have besides.
fn is_unquoted(character: char) -> bool {
    u8::try_from(character).is_ok_and(|byte| is_token_byte(byte) || b":[]".contains(&byte))
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

impl<'a> Element<'a> {
    fn set(&mut self, name: &str, value: Cow<'a, str>) {
        let known = [
            ("for", &mut self.client),
            ("host", &mut self.host),
            ("proto", &mut self.proto),
        ];
        for (other, slot) in known {
            if other.eq_ignore_ascii_case(name) {
                *slot = Some(value);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Client, host and proto of the last element.
    fn last(value: &str) -> Option<[Option<String>; 3]> {
        let Element {
            client,
            host,
            proto,
        } = last_element(value)?;
        Some([client, host, proto].map(|text| text.map(Cow::into_owned)))
    }

    fn is(
        client: Option<&str>,
        host: Option<&str>,
        proto: Option<&str>,
    ) -> Option<[Option<String>; 3]> {
        Some([client, host, proto].map(|text| text.map(str::to_owned)))
    }

    #[test]
    fn the_last_element_is_read_with_its_quotes() {
        for (value, expected) in [
            ("", is(None, None, None)),
            ("for=1.1.1.1;host=a, host=b", is(None, Some("b"), None)),
            (
                r#"for=1.1.1.1;host=evil , For="[2001:db8::1]:47";Host="a\.b:1"; proto=https"#,
                is(Some("[2001:db8::1]:47"), Some("a.b:1"), Some("https")),
            ),
            (r#"for="a,b;c";host=h"#, is(Some("a,b;c"), Some("h"), None)),
            (
                r#"for="host=x, for=y\"""#,
                is(Some("host=x, for=y\""), None, None),
            ),
            (
                "for=[::1]:80;host=h:8443",
                is(Some("[::1]:80"), Some("h:8443"), None),
            ),
            ("host=a ;\tproto=http", is(None, Some("a"), Some("http"))),
            (r#"host="";;proto=http;"#, is(None, Some(""), Some("http"))),
            (r#"host="a b""#, is(None, Some("a b"), None)),
        ] {
            assert_eq!(last(value), expected, "{value}");
        }
    }

    #[test]
    fn empty_elements_do_not_count_and_all_others_do() {
        for empty in ["host=a,", "host=a, ,", ",,host=a", "host=a,\t, ,"] {
            assert_eq!(last(empty), is(None, Some("a"), None), "{empty}");
        }
        for unknown in [
            "host=a, by=b",
            "host=a, x=y;z=w",
            "host=a, ;",
            "host=a, for-x=b",
        ] {
            assert_eq!(last(unknown), is(None, None, None), "{unknown}");
        }
    }

    #[test]
    fn what_has_two_readings_is_an_error_wherever_it_stands() {
        for malformed in [
            r#"host="a"#,
            r#"host="a\"#,
            "host",
            "=a",
            "host=",
            "host=;for=b",
            r#"host=a"b""#,
            r#"host="a"b"#,
            r#"host="a" b"#,
            r#"host="a""b""#,
            r#"host="a"host=b"#,
            r#"host="a" proto=http"#,
            "host=a proto=http",
            "host=a b",
            "h ost=a",
            "host =a",
            "host= a",
            "host=a=b",
            "host=a/b",
            "host=a;host=b",
            r#"host=a;proto=http;HOST="b""#,
            "x=1;X=2",
            "host=a\u{1}",
        ] {
            assert_eq!(last(malformed), None, "{malformed}");
            let before = format!("{malformed}, for=x");
            assert_eq!(last(&before), None, "{before}");
        }
        let many: Vec<String> = (0..17).map(|number| format!("p{number}=x")).collect();
        assert_eq!(last(&many.join(";")), None);
    }
}
