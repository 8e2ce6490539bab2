//! The `replay.url` of a server behind a Unix socket.

use redis::{ConnectionAddr, IntoConnectionInfo};
use zeroize::Zeroizing;

use super::parts::read_database;
use super::{RedisTopology, RedisUrl, RedisUrlError};
use crate::config::listen_address::MAX_SOCKET_PATH_BYTES;
use crate::config::url_parts::unescaped;

/// What can stand behind a `?`.
const PARAMETERS: [&str; 3] = ["db", "user", "pass"];

/// `unix:/PATH` or `unix:///PATH`, of which `rest` is what follows `unix:`.
pub(super) fn read(text: &str, rest: &str) -> Result<RedisUrl, RedisUrlError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = match rest.split_once('?') {
        Some((path, parameters)) => (path, Some(parameters)),
        None => (rest, None),
    };
    if !path.starts_with('/')
        || path.starts_with("//")
        || path.ends_with('/')
        || unescaped(path).is_none()
    {
        return Err(RedisUrlError::Socket);
    }
    let [database, user, password] = read_parameters(parameters)?;
    if password.is_some_and(str::is_empty) || user.is_some() && password.is_none() {
        return Err(RedisUrlError::Credentials);
    }
    let database = match database {
        Some("") => return Err(RedisUrlError::Database),
        Some(database) => read_database(database)?,
        None => 0,
    };
    let url = Zeroizing::new(format!("unix://{rest}"));
    let node = url
        .as_str()
        .into_connection_info()
        .map_err(|_| RedisUrlError::Socket)?;
    let ConnectionAddr::Unix(path) = node.addr() else {
        return Err(RedisUrlError::Socket);
    };
    let shown = path
        .to_str()
        .filter(|path| !path.contains(char::is_control));
    let shown = shown.filter(|path| path.len() <= MAX_SOCKET_PATH_BYTES);
    let path = shown.ok_or(RedisUrlError::Socket)?;
    let parameter = match database {
        0 => String::new(),
        database => format!("?db={database}"),
    };
    Ok(RedisUrl {
        text: text.into(),
        place: format!("unix://{path}{parameter}"),
        topology: RedisTopology::One,
        nodes: vec![node],
    })
}

/// The values of [`PARAMETERS`], as they were written.
fn read_parameters(text: Option<&str>) -> Result<[Option<&str>; 3], RedisUrlError> {
    let mut values = [None; 3];
    for parameter in text.into_iter().flat_map(|text| text.split('&')) {
        let (name, value) = parameter.split_once('=').ok_or(RedisUrlError::Parameter)?;
        let mut slots = PARAMETERS.iter().zip(values.iter_mut());
        let slot = slots.find(|(known, value)| **known == name && value.is_none());
        let (_, slot) = slot.ok_or(RedisUrlError::Parameter)?;
        if unescaped(value).is_none() {
            return Err(RedisUrlError::Credentials);
        }
        *slot = Some(value);
    }
    Ok(values)
}
