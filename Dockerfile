# Two stages: the program is built in the first; the second holds it, the libraries it is linked
# with and the certificates by which https:// upstreams are verified, and nothing else.
ARG BUILDER=docker.io/library/rust:1-slim-bookworm

FROM ${BUILDER} AS builder
# Certificates that the base image has are left as they are: a site may have put its own there.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends cmake gcc g++ libc6-dev make \
    $(test -s /etc/ssl/certs/ca-certificates.crt || echo ca-certificates)
WORKDIR /src
COPY Cargo.toml Cargo.lock askama.toml build.rs ./
COPY src src
# The manifest names them, so cargo wants to see them.
COPY benches benches
ARG HOOKWARD_REVISION=unknown
RUN HOOKWARD_REVISION=${HOOKWARD_REVISION} cargo build --release --locked
RUN mkdir -p /image/usr/local/bin /image/etc/ssl/certs \
 && cp target/release/hookward /image/usr/local/bin/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && ldd target/release/hookward | grep -o '/[^ ]*' | xargs -I{} cp --parents -L {} /image

FROM scratch
COPY --from=builder /image /
COPY conf/hookward.toml /etc/hookward/hookward.toml
USER 65534:65534
EXPOSE 8080 9464
ENTRYPOINT ["/usr/local/bin/hookward"]
CMD ["run", "--config", "/etc/hookward/hookward.toml"]
