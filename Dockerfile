# `cnn` alone in an image of Debian:
#
#   docker build -t cnn .
#   docker run --rm -v "$PWD":/work cnn train configs/lenet5.toml
#
# The version of Rust is `rust-version` of Cargo.toml. rust-toolchain.toml stays outside: it would have another fetched.
FROM rust:1.95-slim-trixie AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY configs configs
COPY datasets/mnist-5k datasets/mnist-5k
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo install --locked --path . --root /out

FROM debian:trixie-slim
COPY --from=build /out/bin/cnn /usr/local/bin/cnn
# The folder one works in is mounted here; runs and data sets are written into it.
WORKDIR /work
# What is written belongs to this user; `docker run --user "$(id -u):$(id -g)"` makes it another.
USER 1000:1000
ENTRYPOINT ["cnn"]
CMD ["--help"]
