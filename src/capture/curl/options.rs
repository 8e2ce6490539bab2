//! The options of `curl`: which there are, and which of them have a value.

use crate::capture::CaptureError;

/// What an option says of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Method,
    Header,
    /// A body, in which `@` begins the name of a file.
    Data,
    /// A body as it is written.
    RawData,
    Json,
    UrlEncoded,
    DataIsQuery,
    QueryPart,
    Head,
    User,
    Bearer,
    Agent,
    Referer,
    Cookie,
    Url,
    Target,
    /// Nothing. It has no value.
    Switch,
    /// Nothing. It has a value.
    Value,
    /// What a command line alone does not tell; why.
    Untold(&'static str),
}

/// All options, by their names.
const OPTIONS: &[(Meaning, &[&str])] = &[
    (Meaning::Method, &["-X", "--request"]),
    (Meaning::Header, &["-H", "--header"]),
    (
        Meaning::Data,
        &["-d", "--data", "--data-ascii", "--data-binary"],
    ),
    (Meaning::RawData, &["--data-raw"]),
    (Meaning::Json, &["--json"]),
    (Meaning::UrlEncoded, &["--data-urlencode"]),
    (Meaning::DataIsQuery, &["-G", "--get"]),
    (Meaning::QueryPart, &["--url-query"]),
    (Meaning::Head, &["-I", "--head"]),
    (Meaning::User, &["-u", "--user"]),
    (Meaning::Bearer, &["--oauth2-bearer"]),
    (Meaning::Agent, &["-A", "--user-agent"]),
    (Meaning::Referer, &["-e", "--referer"]),
    (Meaning::Cookie, &["-b", "--cookie"]),
    (Meaning::Url, &["--url"]),
    (Meaning::Target, &["--request-target"]),
    (
        Meaning::Untold("makes a multipart body, whose boundary the command does not tell"),
        &["-F", "--form", "--form-string"],
    ),
    (
        Meaning::Untold("sends a file, which is not read"),
        &["-T", "--upload-file"],
    ),
    (
        Meaning::Untold("takes options from a file, which is not read"),
        &["-K", "--config"],
    ),
    (
        Meaning::Untold("begins a second request: leave the one that is meant"),
        &["-:", "--next"],
    ),
    (Meaning::Switch, SWITCHES),
    (Meaning::Value, WITH_VALUE),
];

/// `--no-NAME` is a name for each of these too.
#[rustfmt::skip]
const SWITCHES: &[&str] = &[
    "-#", "-0", "-1", "-2", "-3", "-4", "-6", "-B", "-J", "-L", "-M", "-N", "-O", "-R", "-S", "-V", "-Z",
    "-a", "-f", "-g", "-i", "-j", "-k", "-l", "-n", "-p", "-q", "-s", "-v",
    "--alpn", "--anyauth", "--append", "--basic", "--buffer", "--ca-native", "--cert-status", "--clobber",
    "--compressed", "--compressed-ssh", "--create-dirs", "--crlf", "--digest", "--disable", "--disable-eprt",
    "--disable-epsv", "--disallow-username-in-url", "--doh-cert-status", "--doh-insecure", "--fail",
    "--fail-early", "--fail-with-body", "--false-start", "--form-escape", "--ftp-create-dirs", "--ftp-pasv",
    "--ftp-pret", "--ftp-skip-pasv-ip", "--ftp-ssl-ccc", "--ftp-ssl-control", "--globoff",
    "--haproxy-protocol", "--http0.9", "--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge",
    "--http3", "--http3-only", "--ignore-content-length", "--include", "--insecure", "--ipv4", "--ipv6",
    "--junk-session-cookies", "--keepalive", "--list-only", "--location", "--location-trusted",
    "--mail-rcpt-allowfails", "--manual", "--metalink", "--negotiate", "--netrc", "--netrc-optional",
    "--no-alpn", "--no-buffer", "--no-clobber", "--no-keepalive", "--no-npn", "--no-progress-meter",
    "--no-sessionid", "--npn", "--ntlm", "--ntlm-wb", "--parallel", "--parallel-immediate", "--path-as-is",
    "--post301", "--post302", "--post303", "--progress-bar", "--progress-meter", "--proxy-anyauth",
    "--proxy-basic", "--proxy-ca-native", "--proxy-digest", "--proxy-http2", "--proxy-insecure",
    "--proxy-negotiate", "--proxy-ntlm", "--proxy-ssl-allow-beast", "--proxy-ssl-auto-client-cert",
    "--proxy-tlsv1", "--proxytunnel", "--raw", "--remote-header-name", "--remote-name", "--remote-name-all",
    "--remote-time", "--remove-on-error", "--retry-all-errors", "--retry-connrefused", "--sasl-ir",
    "--sessionid", "--show-error", "--show-headers", "--silent", "--skip-existing", "--socks5-basic",
    "--socks5-gssapi", "--socks5-gssapi-nec", "--ssl", "--ssl-allow-beast", "--ssl-auto-client-cert",
    "--ssl-no-revoke", "--ssl-reqd", "--ssl-revoke-best-effort", "--sslv2", "--sslv3", "--styled-output",
    "--suppress-connect-headers", "--tcp-fastopen", "--tcp-nodelay", "--tftp-no-options", "--tls-earlydata",
    "--tlsv1", "--tlsv1.0", "--tlsv1.1", "--tlsv1.2", "--tlsv1.3", "--tr-encoding", "--trace-ids",
    "--trace-time", "--use-ascii", "--verbose", "--version", "--xattr",
];

#[rustfmt::skip]
const WITH_VALUE: &[&str] = &[
    "-C", "-D", "-E", "-P", "-Q", "-U", "-Y", "-c", "-h", "-m", "-o", "-r", "-t", "-w", "-x", "-y", "-z",
    "--abstract-unix-socket", "--alt-svc", "--aws-sigv4", "--cacert", "--capath", "--cert", "--cert-type",
    "--ciphers", "--connect-timeout", "--connect-to", "--continue-at", "--cookie-jar", "--create-file-mode",
    "--crlfile", "--curves", "--delegation", "--dns-interface", "--dns-ipv4-addr", "--dns-ipv6-addr",
    "--dns-servers", "--doh-url", "--dump-header", "--ech", "--egd-file", "--engine", "--etag-compare",
    "--etag-save", "--expect100-timeout", "--ftp-account", "--ftp-alternative-to-user", "--ftp-method",
    "--ftp-port", "--ftp-ssl-ccc-mode", "--happy-eyeballs-timeout-ms", "--haproxy-clientip", "--help",
    "--hostpubmd5", "--hostpubsha256", "--hsts", "--interface", "--ip-tos", "--ipfs-gateway",
    "--keepalive-cnt", "--keepalive-time", "--key", "--key-type", "--krb", "--libcurl", "--limit-rate",
    "--local-port", "--login-options", "--mail-auth", "--mail-from", "--mail-rcpt", "--max-filesize",
    "--max-redirs", "--max-time", "--netrc-file", "--noproxy", "--output", "--output-dir", "--parallel-max",
    "--pass", "--pinnedpubkey", "--preproxy", "--proto", "--proto-default", "--proto-redir", "--proxy",
    "--proxy-cacert", "--proxy-capath", "--proxy-cert", "--proxy-cert-type", "--proxy-ciphers",
    "--proxy-crlfile", "--proxy-header", "--proxy-key", "--proxy-key-type", "--proxy-pass",
    "--proxy-pinnedpubkey", "--proxy-service-name", "--proxy-tls13-ciphers", "--proxy-tlsauthtype",
    "--proxy-tlspassword", "--proxy-tlsuser", "--proxy-user", "--proxy1.0", "--pubkey", "--quote",
    "--random-file", "--range", "--rate", "--resolve", "--retry", "--retry-delay", "--retry-max-time",
    "--sasl-authzid", "--service-name", "--socks4", "--socks4a", "--socks5", "--socks5-gssapi-service",
    "--socks5-hostname", "--speed-limit", "--speed-time", "--stderr", "--telnet-option", "--tftp-blksize",
    "--time-cond", "--tls-max", "--tls13-ciphers", "--tlsauthtype", "--tlspassword", "--tlsuser", "--trace",
    "--trace-ascii", "--trace-config", "--unix-socket", "--vlan-priority", "--write-out",
];

/// The longest name of an option that is shown: more may be anything, a secret too.
const MAX_NAME_BYTES: usize = 30;

/// What an option means, and its value; of a URL, the URL.
pub(super) type Given<'a> = (Meaning, &'a [u8]);

/// The options of a command line, without the name of the program.
pub(super) fn read(words: &[Vec<u8>]) -> Result<Vec<Given<'_>>, CaptureError> {
    let mut given = Vec::new();
    let mut words = words.iter().map(Vec::as_slice);
    while let Some(word) = words.next() {
        match word {
            b"--" => given.extend(words.by_ref().map(|word| (Meaning::Url, word))),
            [b'-', b'-', ..] => {
                let (meaning, name) = named(word)?;
                let value = match meaning {
                    Meaning::Switch | Meaning::DataIsQuery | Meaning::Head => &b""[..],
                    _ => words.next().ok_or_else(|| without_value(&name))?,
                };
                given.push((meaning, value));
            }
            [b'-', letters @ ..] => short(letters, &mut words, &mut given)?,
            url => given.push((Meaning::Url, url)),
        }
    }
    Ok(given)
}

/// Takes letters such as `sSXPOST`: the first that has a value has the rest of the word, or the next word.
fn short<'a>(
    mut letters: &'a [u8],
    words: &mut impl Iterator<Item = &'a [u8]>,
    given: &mut Vec<Given<'a>>,
) -> Result<(), CaptureError> {
    if letters.is_empty() {
        return Err(CaptureError::malformed(
            "the curl command has a `-` alone, which is no option",
        ));
    }
    while let Some((letter, after)) = letters.split_first() {
        letters = after;
        let (meaning, name) = named(&[b'-', *letter])?;
        let value = match meaning {
            Meaning::Switch | Meaning::DataIsQuery | Meaning::Head => &b""[..],
            _ if letters.is_empty() => words.next().ok_or_else(|| without_value(&name))?,
            _ => std::mem::take(&mut letters),
        };
        given.push((meaning, value));
    }
    Ok(())
}

/// What an option of this name means, and the name, for messages.
fn named(name: &[u8]) -> Result<(Meaning, String), CaptureError> {
    let text = std::str::from_utf8(name).unwrap_or_default();
    let find = |name: &str| {
        let mut options = OPTIONS.iter();
        options.find_map(|(meaning, names)| names.contains(&name).then_some(*meaning))
    };
    let switch = text.strip_prefix("--no-").map(|name| format!("--{name}"));
    let switch = switch.and_then(|name| find(&name));
    match find(text).or(switch.filter(|meaning| *meaning == Meaning::Switch)) {
        Some(Meaning::Untold(why)) => Err(CaptureError::malformed(format!(
            "the curl command's `{text}` {why}"
        ))),
        Some(meaning) => Ok((meaning, text.to_owned())),
        None => Err(unknown(text)),
    }
}

fn unknown(name: &str) -> CaptureError {
    let name = name.split('=').next().unwrap_or_default();
    let is_like_one = name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && !name.is_empty();
    CaptureError::malformed(if is_like_one {
        format!("the curl command has `{name}`, which is no option of curl that is known here")
    } else {
        "the curl command has something that begins with `-` and is no option of curl".to_owned()
    })
}

fn without_value(name: &str) -> CaptureError {
    CaptureError::malformed(format!(
        "the curl command ends after `{name}`, which needs a value"
    ))
}
