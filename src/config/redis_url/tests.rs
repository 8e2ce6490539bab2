use redis::ConnectionAddr;

use super::*;

fn read(text: &str) -> RedisUrl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Where each node is, as `host:port`, with `tls` before it, or as a path.
fn addresses(url: &RedisUrl) -> Vec<String> {
    let address = |node: &ConnectionInfo| match node.addr() {
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            ..
        } => format!("tls {host}:{port}"),
        ConnectionAddr::TcpTls { .. } => "insecure".to_owned(),
        address => address.to_string(),
    };
    url.nodes().iter().map(address).collect()
}

#[test]
fn servers_are_read_with_their_defaults() {
    for (text, place, nodes) in [
        (
            "redis://127.0.0.1",
            "redis://127.0.0.1:6379/0",
            &["127.0.0.1:6379"][..],
        ),
        (
            "redis://cache.internal:7000/3",
            "redis://cache.internal:7000/3",
            &["cache.internal:7000"],
        ),
        (
            "redis://127.0.0.1:6379/",
            "redis://127.0.0.1:6379/0",
            &["127.0.0.1:6379"],
        ),
        (
            "redis://127.0.0.1:6379/0/",
            "redis://127.0.0.1:6379/0",
            &["127.0.0.1:6379"],
        ),
        (
            "redis://[::1]:7000/1",
            "redis://[::1]:7000/1",
            &["::1:7000"],
        ),
        (
            "redis://[2001:DB8::1]",
            "redis://[2001:db8::1]:6379/0",
            &["2001:db8::1:6379"],
        ),
        (
            "rediss://cache.example",
            "rediss://cache.example:6379/0",
            &["tls cache.example:6379"],
        ),
        (
            "unix:///run/redis.sock",
            "unix:///run/redis.sock",
            &["/run/redis.sock"],
        ),
        (
            "unix:/run/a%20b.sock?db=2",
            "unix:///run/a b.sock?db=2",
            &["/run/a b.sock"],
        ),
        (
            "redis+cluster://a:7000,b,[::1]:7002",
            "redis+cluster://a:7000,b:6379,[::1]:7002",
            &["a:7000", "b:6379", "::1:7002"],
        ),
        (
            "rediss+cluster://a/0",
            "rediss+cluster://a:6379",
            &["tls a:6379"],
        ),
        (
            "redis+sentinel://a,b:5000/my-master.1",
            "redis+sentinel://a:26379,b:5000/my-master.1/0",
            &["a:26379", "b:5000"],
        ),
        (
            "rediss+sentinel://a/m/4/",
            "rediss+sentinel://a:26379/m/4",
            &["tls a:26379"],
        ),
    ] {
        let url = read(text);
        assert_eq!(url.to_string(), place, "{text}");
        assert_eq!(addresses(&url), nodes, "{text}");
        // The place without credentials is a URL of the same servers.
        assert_eq!(
            addresses(&read(&place.replace(' ', "%20"))),
            nodes,
            "{text}"
        );
    }
}

#[test]
fn servers_belong_together_as_the_scheme_says() {
    for (text, topology, database) in [
        ("redis://a/7", RedisTopology::One, 7),
        ("unix:///a?db=7", RedisTopology::One, 7),
        ("redis+cluster://a,b", RedisTopology::Cluster, 0),
        (
            "redis+sentinel://a,b/main/7",
            RedisTopology::Sentinel("main".to_owned()),
            7,
        ),
        (
            "redis+sentinel://a/main/",
            RedisTopology::Sentinel("main".to_owned()),
            0,
        ),
    ] {
        let url = read(text);
        assert_eq!(url.topology(), &topology, "{text}");
        for node in url.nodes() {
            assert_eq!(node.redis_settings().db(), database, "{text}");
        }
    }
}

#[test]
fn every_server_gets_the_credentials() {
    for (text, user, password) in [
        ("redis://a", None, None),
        ("redis://:word@a", None, Some("word")),
        ("redis://me:word@a/1", Some("me"), Some("word")),
        (
            "redis://m%65:w%40rd%2F%3a%25:x@a",
            Some("me"),
            Some("w@rd/:%:x"),
        ),
        ("redis://me:%C3%A9@a", Some("me"), Some("é")),
        ("redis+cluster://me:word@a,b:1", Some("me"), Some("word")),
        (
            "redis+cluster://me:one,two@a,b",
            Some("me"),
            Some("one,two"),
        ),
        ("rediss+sentinel://me:word@a,b/m", Some("me"), Some("word")),
        (
            "unix:///s?user=me&pass=w%40%2Brd&db=1",
            Some("me"),
            Some("w@+rd"),
        ),
        ("unix:/s?pass=word", None, Some("word")),
    ] {
        let url = read(text);
        assert_eq!(url.password(), password, "{text}");
        for node in url.nodes() {
            let redis = node.redis_settings();
            assert_eq!((redis.username(), redis.password()), (user, password));
        }
        let shown = format!("{url} {url:?}");
        for part in ["word", "w@", "one", "%40", "%C3"] {
            assert!(!shown.contains(part), "{text}: {shown}");
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    use RedisUrlError::*;
    let long = format!("unix:///{}", "s".repeat(107));
    for (text, error) in [
        ("", Scheme),
        ("127.0.0.1:6379", Scheme),
        ("redis:127.0.0.1", Scheme),
        ("http://a", Scheme),
        ("valkey://a", Scheme),
        ("REDIS://a", Scheme),
        ("redis+unix:///a", Scheme),
        ("redis+tls://a", Scheme),
        (" redis://a", Bytes),
        ("redis://a\n", Bytes),
        ("redis://é", Bytes),
        ("rediss://a#insecure", Fragment),
        ("rediss://a/0#insecure", Fragment),
        ("rediss://a#", Fragment),
        ("redis://:p#d@a", Fragment),
        ("redis://a?protocol=resp3", Parameter),
        ("redis://a/0?db=1", Parameter),
        ("redis://:p?d@a", Parameter),
        ("unix:///a?protocol=resp3", Parameter),
        ("unix:///a?", Parameter),
        ("unix:///a?db", Parameter),
        ("unix:///a?db=1&db=2", Parameter),
        ("redis://word@a", Credentials),
        ("redis://me:@a", Credentials),
        ("redis://@a", Credentials),
        ("redis://:@a", Credentials),
        ("redis://me:p@rd@a", Credentials),
        ("redis://me:p/rd@a", Credentials),
        ("redis://me:p%zzrd@a", Credentials),
        ("redis://me:p%4", Port),
        ("redis://me:p%4@a", Credentials),
        ("redis://me:%FF@a", Credentials),
        ("redis+cluster://me:p@a,me:p@b", Credentials),
        ("unix:///a?user=me", Credentials),
        ("unix:///a?user=me&pass=", Credentials),
        ("unix:///a?pass=%F", Credentials),
        ("redis://", Host),
        ("redis:///0", Host),
        ("redis://:6379", Host),
        ("redis://me:p@", Host),
        ("redis://::1:6379", Host),
        ("redis://[::1", Host),
        ("redis://[::1]6379", Host),
        ("redis://[127.0.0.1]", Host),
        ("redis://a_b c", Bytes),
        ("redis://a%20b", Host),
        ("redis://0.0.0.0", Host),
        ("redis://[::]:6379", Host),
        ("redis+cluster://", Host),
        ("redis+cluster://a,", Element),
        ("redis+cluster://a,,b", Element),
        ("redis+sentinel://,a/m", Element),
        ("redis+sentinel:///m", Host),
        ("redis://a:", Port),
        ("redis://a:0", Port),
        ("redis://a:70000", Port),
        ("redis://a:+1", Port),
        ("redis://[::1]:x", Port),
        ("redis+cluster://a:1,b:0", Port),
        ("redis://a,b", Several),
        ("rediss://a:1,b:2/0", Several),
        ("redis://a/x", Database),
        ("redis://a/-1", Database),
        ("redis://a/0/1", Database),
        ("redis://a//", Database),
        ("redis+sentinel://a/m//", Database),
        ("redis://a/4294967296", Database),
        ("redis+cluster://a/x", Database),
        ("redis+sentinel://a/m/x", Database),
        ("unix:///a?db=", Database),
        ("unix:///a?db=x", Database),
        ("redis+cluster://a/1", ClusterDatabase),
        ("redis+sentinel://a", Master),
        ("redis+sentinel://a/", Master),
        ("redis+sentinel://a//0", Master),
        ("redis+sentinel://a/m%41", Master),
        ("unix:redis.sock", Socket),
        ("unix://run/redis.sock", Socket),
        ("unix:////run/redis.sock", Socket),
        ("unix:///", Socket),
        ("unix:", Socket),
        ("unix:///run/", Socket),
        ("unix:///a%0Ab", Socket),
        ("unix:///a%00b", Socket),
        ("unix:///a%FF", Socket),
        (&long, Socket),
    ] {
        assert_eq!(text.parse::<RedisUrl>().err(), Some(error), "{text}");
    }
}

#[test]
fn a_password_to_another_machine_is_exposed_without_tls() {
    for (text, is_exposed) in [
        ("redis://:word@cache.internal", true),
        ("redis://:word@10.0.0.1", true),
        ("redis+cluster://:word@127.0.0.1,10.0.0.1", true),
        ("redis+sentinel://:word@[2001:db8::1]/m", true),
        ("redis://cache.internal", false),
        ("rediss://:word@cache.internal", false),
        ("rediss+cluster://:word@10.0.0.1", false),
        ("redis://:word@localhost", false),
        ("redis://:word@127.9.9.9", false),
        ("redis://:word@[::1]", false),
        ("unix:///run/redis.sock?pass=word", false),
    ] {
        assert_eq!(read(text).exposes_password(), is_exposed, "{text}");
    }
}
