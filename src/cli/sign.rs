//! `hookward sign`: prints the headers with which a provider would sign a request.

use std::io::{self, Write};
use std::time::SystemTime;

use super::{Failure, SignArgs};
use crate::config::read_secret_file;
use crate::providers;
use crate::verify::provider::Sample;
use crate::verify::{self, Provider, Scheme, Timestamp};

/// A scheme chosen on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchemeChoice {
    pub(super) provider: &'static Provider,
    pub(super) scheme: &'static Scheme,
}

impl SchemeChoice {
    /// Events as its provider sends them.
    pub(super) fn samples(self) -> &'static [Sample] {
        self.provider.samples
    }
}

pub(super) fn parse_scheme(label: &str) -> Result<SchemeChoice, String> {
    match providers::by_label(label) {
        Some((provider, scheme)) => Ok(SchemeChoice { provider, scheme }),
        None => {
            let mut labels: Vec<&str> = providers::PROVIDERS
                .iter()
                .flat_map(|provider| provider.schemes)
                .map(|scheme| scheme.label)
                .collect();
            labels.sort_unstable();
            Err(format!("expected one of {}", labels.join(", ")))
        }
    }
}

pub(super) fn sign(args: &SignArgs) -> Result<(), Failure> {
    let signed = Signed::from_args(args, None)?;
    let mut out = io::stdout().lock();
    for (name, value) in &signed.headers {
        writeln!(out, "{name}: {value}").map_err(Failure::failed)?;
    }
    Ok(())
}

/// A request as the command line describes it, signed.
pub(super) struct Signed {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Signed {
    /// Signs as the arguments say: this body, or the one in the file that they name.
    ///
    /// # Errors
    /// What is wrong with an argument or a file.
    pub(super) fn from_args(args: &SignArgs, body: Option<Vec<u8>>) -> Result<Self, Failure> {
        if args.url.contains('#') {
            return Err(Failure::usage("--url: a fragment is never sent; remove it"));
        }
        for (option, text) in [("--url", &args.url), ("--method", &args.method)] {
            if text.is_empty() || text.contains(char::is_whitespace) {
                let message =
                    format_args!("{option}: empty, or with blanks: no request has such a one");
                return Err(Failure::usage(message));
            }
        }
        if args
            .timestamp
            .iter()
            .any(|text| text.contains(char::is_control))
        {
            return Err(Failure::usage(
                "--timestamp: a header has no line ends or other control characters",
            ));
        }
        let secret = read_secret_file(&args.secret_file).map_err(|error| {
            Failure::usage(format_args!("{}: {error}", args.secret_file.display()))
        })?;
        let body = match (body, &args.body) {
            (Some(body), _) => body,
            (None, Some(file)) => std::fs::read(file).map_err(|error| {
                Failure::usage(format_args!(
                    "cannot read the body {}: {error}",
                    file.display()
                ))
            })?,
            (None, None) => Vec::new(),
        };
        let timestamp = args
            .timestamp
            .clone()
            .unwrap_or_else(|| Timestamp::from(SystemTime::now()).to_string());
        let headers = verify::sign(
            (args.scheme.provider, args.scheme.scheme),
            &secret,
            &args.method,
            &args.url,
            &body,
            &timestamp,
            &fresh_nonce(),
        );
        Ok(Self { headers, body })
    }
}

/// 32 hexadecimal digits, as Twenty sends.
pub(super) fn fresh_nonce() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
