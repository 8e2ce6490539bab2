# Two stages: the program is built in the first; the second holds it, the libraries it is linked with, the certificates by
# which https:// upstreams are verified, the licences of all of these, and nothing else.
#
# Two builds of one revision, on one base image and one state of Debian's archive, give the same files, to the byte: Cargo.lock
# pins what is built, and times are those of the revision. tools/image says what that needs of the tool that builds.
ARG BUILDER=docker.io/library/rust:1.95-slim-bookworm

FROM ${BUILDER} AS builder
# Certificates that the base image has are left as they are: a site may have put its own there.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends cmake gcc g++ libc6-dev make python3 \
    $(test -s /etc/ssl/certs/ca-certificates.crt || echo ca-certificates)
WORKDIR /src
COPY Cargo.toml Cargo.lock askama.toml build.rs LICENSE-APACHE LICENSE-MIT ./
COPY src src
# The manifest names them, so cargo wants to see them.
COPY benches benches
ARG HOOKWARD_REVISION=unknown
# The C compiler takes it for the time of day, which a library has in its text.
ARG SOURCE_DATE_EPOCH=0
# A library draws the keys of one of its tables when it is compiled. That table has our own addresses alone.
RUN HOOKWARD_REVISION=${HOOKWARD_REVISION} SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} CONST_RANDOM_SEED=hookward \
    cargo build --release --locked
COPY tools/third-party tools/third-party
RUN mkdir -p /image/usr/local/bin /image/etc/ssl/certs /image/etc/hookward /image/usr/share/doc/hookward \
 && cp target/release/hookward /image/usr/local/bin/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && ldd target/release/hookward | grep -o '/[^ ]*' | xargs -I{} cp --parents -L {} /image \
 && cp LICENSE-APACHE LICENSE-MIT /image/usr/share/doc/hookward/ \
 && python3 tools/third-party >/image/usr/share/doc/hookward/THIRD-PARTY.txt \
 && for package in ca-certificates libc6 libgcc-s1; do \
      test ! -s /usr/share/doc/$package/copyright || cp --parents /usr/share/doc/$package/copyright /image; \
    done \
 && install -d -o 10001 -g 10001 -m 0700 /image/var /image/var/lib/hookward \
 && chown root:root /image/var && chmod 0755 /image/var
COPY conf/hookward.toml /image/etc/hookward/
RUN find /image -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM scratch
ARG HOOKWARD_REVISION=unknown
ARG HOOKWARD_VERSION=unknown
LABEL org.opencontainers.image.title="hookward" \
      org.opencontainers.image.description="A sidecar reverse proxy that verifies HubSpot and Twenty webhooks before your app sees them" \
      org.opencontainers.image.version="${HOOKWARD_VERSION}" \
      org.opencontainers.image.revision="${HOOKWARD_REVISION}" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=builder /image /
USER 10001:10001
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["/usr/local/bin/hookward", "health"]
ENTRYPOINT ["/usr/local/bin/hookward"]
CMD ["run"]
