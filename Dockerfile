# Two stages: the program is built in the first, and the second holds it and little else.
ARG BUILDER=docker.io/library/rust:1-slim-bookworm
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BUILDER} AS builder
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends cmake gcc g++ libc6-dev make
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
ARG HOOKWARD_REVISION=unknown
RUN HOOKWARD_REVISION=${HOOKWARD_REVISION} cargo build --release --locked

FROM ${BASE}
# The certificates by which https:// upstreams are verified.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=builder /src/target/release/hookward /usr/local/bin/hookward
COPY conf/hookward.toml /etc/hookward/hookward.toml
USER 65534:65534
EXPOSE 8080 9464
ENTRYPOINT ["/usr/local/bin/hookward"]
CMD ["run", "--config", "/etc/hookward/hookward.toml"]
