# logan in a small image that runs as a user without rights.
#
#   docker build -t logan .
#   docker run --rm -v /var/log:/logs:ro logan analyze /logs/nginx/access.log
#   docker logs web 2>&1 | docker run --rm -i logan analyze -
#
# Logs must be readable by the user 65532, or give `--user "$(id -u)"`.

FROM rust:1-alpine AS build
RUN apk add --no-cache musl-dev python3 py3-pip \
    && python3 -m venv /maturin \
    && /maturin/bin/pip install --no-cache-dir 'maturin>=1.13,<2'
WORKDIR /src
COPY Cargo.toml Cargo.lock pyproject.toml README.md LICENSE ./
COPY .cargo .cargo
COPY rust rust
COPY python python
# An extension is a shared library, which musl's default of static linking does not make.
RUN RUSTFLAGS="-C target-feature=-crt-static" \
    /maturin/bin/maturin build --release --locked --compatibility linux --out /wheels

# Without bytecode logan takes twice as long to start. What nothing here uses is left out: with it, rich
# shows source code and Markdown, and libraries test themselves.
FROM python:3.13-alpine AS install
COPY --from=build /wheels /wheels
RUN python -m venv --without-pip /opt/logan \
    && pip --python /opt/logan/bin/python install --no-cache-dir --no-compile --only-binary :all: \
        /wheels/*.whl \
    && pip --python /opt/logan/bin/python uninstall -q -y pygments markdown-it-py mdurl \
    && find /opt/logan -type d -name '*tests' -prune -exec rm -r {} + \
    && python -m compileall -q /opt/logan

# Python's image has no bytecode, and users without rights cannot store it: one run leaves what runs need.
FROM python:3.13-alpine
COPY --from=install /opt/logan /opt/logan
RUN echo '2024-01-01T00:00:00Z INFO started' | /opt/logan/bin/logan analyze - > /dev/null
ENV PATH=/opt/logan/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /logs
ENTRYPOINT ["logan"]
CMD ["--help"]
