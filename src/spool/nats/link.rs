//! A connection to the servers, and what is asked over it. Each answer is waited for no longer than [`ANSWER`].
//!
//! A connection that is lost is given up, and another is made: the library would do that itself, but what was asked
//! by the lost one would wait until its time is over, requests would wait in its queue, and the credentials would
//! never be read again.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{
    DeleteMessageErrorKind, InfoError, LastRawMessageErrorKind, RawMessageError, Stream,
};
use async_nats::jetstream::{Context, ContextBuilder, ErrorCode};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, RequestErrorKind, Subject, Subscriber};
use bytes::Bytes;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::timeout;

use super::failures::{failed, words};
use super::message::Meta;
use super::settings::{Login, Settings};
use super::stream::{self, Making};
use super::subjects::{self, Subjects};
use crate::spool::archive::State as EventState;
use crate::spool::event::EventId;
use crate::spool::store::StoreError;

/// How long an answer is waited for.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
/// How long connecting may take, to one server after the other, and what is asked first.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long connecting to one address may take.
const CONNECTING_TO_ONE: Duration = Duration::from_secs(2);
/// How often a silent server is asked whether it is there; it is taken for lost at the third time.
const PING: Duration = Duration::from_secs(5);
/// How many commands may wait to be written.
const CAPACITY: usize = 256;
/// How many events of a route may be out at once: those that are held, and those that are on their way to the app.
const MAX_OUT: i64 = 1_000;

/// A connection, and the stream that was found there.
pub(super) struct Link {
    client: Client,
    context: Context,
    stream: Stream<()>,
    is_over: watch::Receiver<bool>,
}

impl Link {
    /// Connects. The stream is one that can be used.
    pub(super) async fn connect(settings: &Settings, making: Making) -> Result<Self, StoreError> {
        let connecting = Self::connect_patiently(settings, making);
        let connected = timeout(CONNECTING, connecting).await;
        connected.unwrap_or(Err(StoreError::Slow))
    }

    async fn connect_patiently(settings: &Settings, making: Making) -> Result<Self, StoreError> {
        let (over, is_over) = watch::channel(false);
        let mut options = ConnectOptions::new()
            .name("hookward")
            .require_tls(settings.needs_tls)
            .connection_timeout(CONNECTING_TO_ONE)
            .request_timeout(Some(ANSWER))
            .ping_interval(PING)
            .client_capacity(CAPACITY)
            .no_echo()
            .max_reconnects(settings.urls.len())
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    over.send_replace(true);
                }
                std::future::ready(())
            });
        options = match &settings.login {
            Some(Login::Password { user, password }) => options.user_and_password(
                user.expose_secret().to_owned(),
                password.expose_secret().to_owned(),
            ),
            Some(Login::Token(token)) => options.token(token.expose_secret().to_owned()),
            None => options,
        };
        if let Some(file) = &settings.credentials {
            options = options
                .credentials_file(file)
                .await
                .map_err(|error| failed(format_args!("cannot read {}: {error}", file.display())))?;
        }
        let client = options.connect(&settings.urls).await.map_err(failed)?;
        let context = ContextBuilder::new().timeout(ANSWER).build(client.clone());
        stream::prepare(&context, settings, making).await?;
        let stream = context.get_stream_no_info(&settings.stream).await;
        Ok(Self {
            stream: stream.map_err(failed)?,
            client,
            context,
            is_over,
        })
    }

    /// Whether the server is connected now, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        !*self.is_over.borrow() && self.client.connection_state() == State::Connected
    }

    /// Returns when the connection is lost.
    pub(super) async fn lost(&self) {
        let mut is_over = self.is_over.clone();
        let _ = is_over.wait_for(|is_over| *is_over).await;
    }

    /// The largest message, headers and payload, that the server takes.
    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Publishes into the stream. Done once the stream has it.
    pub(super) async fn publish(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAck, PublishFailure> {
        let message = PublishMessage::build().headers(headers).payload(payload);
        let published = async { self.context.send_publish(subject, message).await?.await };
        published.await.map_err(|error| match error.kind() {
            PublishErrorKind::TimedOut => PublishFailure::Unknown(StoreError::Slow),
            PublishErrorKind::BrokenPipe => PublishFailure::Unknown(failed(error)),
            PublishErrorKind::MaxPayloadExceeded => {
                PublishFailure::Refused(StoreError::TooLarge(words(&error)))
            }
            _ if is_answer(&error, ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => {
                let error = "it is larger than the stream's max_msg_size".to_owned();
                PublishFailure::Refused(StoreError::TooLarge(error))
            }
            _ => PublishFailure::Refused(failed(error)),
        })
    }

    /// Tells the server what became of a delivery, and waits until it knows. `false` where nobody listens, because the
    /// consumer is gone or moves to another server.
    pub(super) async fn tell(&self, reply: Subject, word: Bytes) -> Result<bool, StoreError> {
        match self.client.request(reply, word).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                RequestErrorKind::NoResponders => Ok(false),
                RequestErrorKind::TimedOut => Err(StoreError::Slow),
                _ => Err(failed(error)),
            },
        }
    }

    /// The same, without waiting.
    pub(super) async fn say(&self, reply: Subject, word: Bytes) -> Result<(), StoreError> {
        self.client.publish(reply, word).await.map_err(failed)
    }

    /// Publishes a message without content, to those who listen now.
    pub(super) async fn announce(&self, subject: String) -> Result<(), StoreError> {
        let announced = self.client.publish(subject, Bytes::new()).await;
        announced.map_err(failed)
    }

    /// What others announce from now on.
    pub(super) async fn listen(&self, subject: String) -> Result<Subscriber, StoreError> {
        self.client.subscribe(subject).await.map_err(failed)
    }

    /// A message, or `None` where it is not there any more.
    async fn get(&self, sequence: u64) -> Result<Option<StreamMessage>, StoreError> {
        let direct = self.stream.direct_get_builder().sequence(sequence).send();
        if let Ok(message) = direct.await {
            return Ok(Some(message));
        }
        // Any replica answers to the first question, this one is for the one that knows.
        let raw = self.stream.raw_message_builder().sequence(sequence);
        found(raw.send().await)
    }

    /// An event as it is told of and as it is stored, or `None` where something else or nothing is in its place.
    pub(super) async fn event(
        &self,
        sequence: u64,
        id: EventId,
    ) -> Result<Option<(Meta, Bytes)>, StoreError> {
        let message = self.get(sequence).await?;
        Ok(message.and_then(|message| {
            let meta = Meta::read(&message.headers).filter(|meta| meta.id == id)?;
            Some((meta, message.payload))
        }))
    }

    /// The first message from this place on.
    pub(super) async fn next(
        &self,
        sequence: u64,
        subject: &str,
    ) -> Result<Option<StreamMessage>, StoreError> {
        let direct = self.stream.direct_get_builder().sequence(sequence);
        if let Ok(message) = direct.next_by_subject(subject).send().await {
            return Ok(Some(message));
        }
        let raw = self.stream.raw_message_builder().sequence(sequence);
        found(raw.next_by_subject(subject).send().await)
    }

    /// Deletes a message. `false` where it is not there any more.
    pub(super) async fn delete(&self, sequence: u64) -> Result<bool, StoreError> {
        match self.stream.delete_message(sequence).await {
            Ok(is_deleted) => Ok(is_deleted),
            // The server says so also of what is not there.
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(_) if self.get(sequence).await?.is_none() => {
                    Ok(false)
                }
                _ => Err(failed(error)),
            },
        }
    }

    /// How many messages each subject has, and the bytes of them all.
    pub(super) async fn subjects(&self) -> Result<(Vec<(String, u64)>, u64), StoreError> {
        let counting = async {
            let mut counts = self.stream.info_with_subjects(">").await?;
            let bytes = counts.info.state.bytes;
            let mut subjects = Vec::new();
            while let Some((subject, count)) = counts.try_next().await? {
                subjects.push((subject, u64::try_from(count).unwrap_or(u64::MAX)));
            }
            Ok::<_, InfoError>((subjects, bytes))
        };
        let counted = timeout(ANSWER, counting).await;
        counted.map_err(|_| StoreError::Slow)?.map_err(failed)
    }

    /// The places of the oldest and of the newest message.
    pub(super) async fn sequences(&self) -> Result<(u64, u64), StoreError> {
        let state = self.stream.get_info().await.map_err(failed)?.state;
        Ok((state.first_sequence, state.last_sequence))
    }

    /// Whether the stream answers.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        self.stream.get_info().await.map(|_| ()).map_err(failed)
    }

    /// The consumer of a route: made, or changed where it is another.
    pub(super) async fn consumer(
        &self,
        subjects: &Subjects,
        route: &str,
        in_order: bool,
        ack_wait: Duration,
    ) -> Result<PullConsumer, StoreError> {
        let config = pull::Config {
            durable_name: Some(subjects::consumer(route)),
            filter_subject: subjects.name(EventState::Waiting, route),
            ack_policy: AckPolicy::Explicit,
            ack_wait,
            max_ack_pending: if in_order { 1 } else { MAX_OUT },
            headers_only: true,
            ..pull::Config::default()
        };
        self.stream.create_consumer(config).await.map_err(failed)
    }

    /// Whether a route's events are delivered one after the other. `None` where nobody asked for any yet.
    pub(super) async fn is_in_order(&self, route: &str) -> Result<Option<bool>, StoreError> {
        match self.stream.consumer_info(subjects::consumer(route)).await {
            Ok(info) => Ok(Some(info.config.max_ack_pending == 1)),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Why the stream did not confirm an event.
pub(super) enum PublishFailure {
    /// It may have it.
    Unknown(StoreError),
    /// It does not have it.
    Refused(StoreError),
}

/// What the replica that knows has found.
fn found(
    answer: Result<StreamMessage, RawMessageError>,
) -> Result<Option<StreamMessage>, StoreError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if is_missing(&error.kind()) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn is_missing(kind: &LastRawMessageErrorKind) -> bool {
    match kind {
        LastRawMessageErrorKind::NoMessageFound => true,
        LastRawMessageErrorKind::JetStream(error) => {
            error.error_code() == ErrorCode::NO_MESSAGE_FOUND
        }
        _ => false,
    }
}

/// Whether the server answered with this error.
fn is_answer(error: &(impl std::error::Error + 'static), code: ErrorCode) -> bool {
    let answer = error.source();
    let answer = answer.and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    answer.is_some_and(|answer| answer.error_code() == code)
}
