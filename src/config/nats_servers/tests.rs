use super::NatsServersError::{
    Bytes, Element, Host, Login, OtherLogin, OtherScheme, Port, Rest, Scheme,
};
use super::*;

fn read(text: &str) -> NatsServers {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// User and password, or the token alone.
fn login(servers: &NatsServers) -> Option<(Option<&str>, &str)> {
    let login = servers.login()?;
    Some((login.user(), login.secret().expose_secret()))
}

#[test]
fn servers_are_read_with_their_defaults() {
    for (text, urls) in [
        ("nats://127.0.0.1", &["nats://127.0.0.1:4222"][..]),
        ("nats://127.0.0.1:4222/", &["nats://127.0.0.1:4222"]),
        (
            "nats://events.internal:4300",
            &["nats://events.internal:4300"],
        ),
        ("tls://[2001:DB8::1]", &["tls://[2001:db8::1]:4222"]),
        (
            "nats://a,b:1,[::1]",
            &["nats://a:4222", "nats://b:1", "nats://[::1]:4222"],
        ),
        (
            "tls://a,b:1,tls://c/",
            &["tls://a:4222", "tls://b:1", "tls://c:4222"],
        ),
    ] {
        let servers = read(text);
        assert_eq!(servers.urls().collect::<Vec<_>>(), urls, "{text}");
        assert_eq!(servers.to_string(), urls.join(","));
        assert_eq!(servers.needs_tls(), text.starts_with("tls"), "{text}");
        assert_eq!(login(&servers), None, "{text}");
    }
}

#[test]
fn a_login_is_for_all_servers_and_never_shown() {
    for (text, user, secret) in [
        ("nats://me:sesame@a", Some("me"), "sesame"),
        ("nats://me:sesame@a,b", Some("me"), "sesame"),
        ("nats://me:sesame@a,me:sesame@b", Some("me"), "sesame"),
        (
            "tls://me:sesame@a,tls://me:s%65same@b,c",
            Some("me"),
            "sesame",
        ),
        ("nats://m%40e:%3A%2F%2C%25@a", Some("m@e"), ":/,%"),
        ("nats://token@a:1,token@b", None, "token"),
    ] {
        let servers = read(text);
        assert_eq!(login(&servers), Some((user, secret)), "{text}");
        let shown = format!("{servers} {servers:?} {:?}", servers.login());
        assert!(!shown.contains(secret) && !shown.contains('@'), "{shown}");
        assert!(servers.urls().all(|url| !url.contains('@')), "{text}");
    }
    assert_ne!(read("nats://me:sesame@a"), read("nats://me:other@a"));
    assert_ne!(read("nats://me:sesame@a"), read("nats://sesame@a"));
    assert_ne!(read("nats://a"), read("tls://a"));
    assert_eq!(
        read("nats://me:sesame@a,b"),
        read("nats://me:sesame@a,nats://b:4222")
    );
}

#[test]
fn what_means_something_else_is_refused() {
    for (text, error) in [
        ("", Scheme),
        ("127.0.0.1:4222", Scheme),
        ("NATS://a", Scheme),
        ("ws://a", Scheme),
        ("nats://a,ws://b", Scheme),
        ("nats://a,tls://b", OtherScheme),
        ("tls://a,nats://b", OtherScheme),
        ("nats://a b", Bytes),
        ("nats://ä", Bytes),
        ("nats://a,", Element),
        ("nats://a,,b", Element),
        ("nats://", Host),
        ("nats://a,nats://", Host),
        ("nats://a_b!", Host),
        ("nats://::1", Host),
        ("nats://[::1", Host),
        ("nats://a:0", Port),
        ("nats://a:", Port),
        ("nats://a:65536", Port),
        ("nats://a/b", Rest),
        ("nats://a//", Rest),
        ("nats://a?tls=true", Rest),
        ("nats://me:wo#rd@a", Rest),
        ("nats://me:wo/rd@a", Rest),
        ("nats://@a", Login),
        ("nats://me:@a", Login),
        ("nats://:word@a", Login),
        ("nats://me:wo:rd@a", Login),
        ("nats://me:wo@rd@a", Login),
        ("nats://me:wo%rd@a", Login),
        ("nats://me:%FF@a", Login),
        ("nats://a,me:word@b", OtherLogin),
        ("nats://me:word@a,me:other@b", OtherLogin),
        ("nats://me:word@a,word@b", OtherLogin),
    ] {
        assert_eq!(text.parse::<NatsServers>().err(), Some(error), "{text}");
    }
}

#[test]
fn a_login_to_another_machine_is_exposed_without_tls() {
    for (text, is_exposed) in [
        ("nats://me:word@events.internal", true),
        ("nats://token@10.0.0.1", true),
        ("nats://me:word@127.0.0.1,10.0.0.1", true),
        ("nats://me:word@[2001:db8::1]", true),
        ("nats://events.internal", false),
        ("tls://me:word@events.internal", false),
        ("nats://me:word@localhost", false),
        ("nats://me:word@127.9.9.9:1,[::1]:2", false),
    ] {
        assert_eq!(read(text).exposes_login(), is_exposed, "{text}");
    }
}
