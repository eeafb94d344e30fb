# Recipes for work on logan. `just` alone lists them; each works in a fresh clone after `just setup`.

# The environment that is active, or .venv here.
venv := env("VIRTUAL_ENV", justfile_directory() / ".venv")
python := venv / "bin/python"

export VIRTUAL_ENV := venv
export PATH := venv / "bin:" + env("PATH")

_default:
    @just --list --unsorted

# Make .venv unless an environment is active, and install everything for development
setup:
    test -x "{{ python }}" || python3 -m venv "{{ venv }}"
    "{{ python }}" -m pip install -q 'pip>=25.1'
    "{{ python }}" -m pip install -q -e . --group test --group lint 'maturin>=1.13,<2'

# Rebuild the native engine in place, optimized
build:
    maturin develop --release --quiet

# All tests: Python's, then Rust's
test *args: build
    "{{ python }}" -m pytest {{ args }}
    cargo test --workspace --quiet

# More of what some tests try, all scenarios of failures: some minutes
test-slow *args: build
    "{{ python }}" -m pytest -m slow {{ args }}

# Rust's tests alone
test-rust *args:
    cargo test --workspace --quiet {{ args }}

# The engine's tests for aarch64, emulated: needs that target of rustup, a cross compiler, qemu-user
test-arm *args:
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
        cargo test --target aarch64-unknown-linux-gnu -p logan-core --lib {{ args }}

# Property tests with new random cases, many more than `test` tries; a failure prints its input
properties cases="20000":
    seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') && echo "PROPTEST_RNG_SEED=$seed" && \
        PROPTEST_RNG_SEED=$seed PROPTEST_CASES={{ cases }} cargo test -p logan-core --release

# Races between a scan and truncation, in their full number
races count="10000":
    LOGAN_RACES={{ count }} cargo test --workspace --release --test truncation

# Logs with planted incidents and quiet ones: what is found, rightly dated and explained
incidents *args:
    "{{ python }}" -m test_vectors.incidents {{ args }}

# 20,000 new simulated schedules of the scheduler, and every planted bug; prints the first seed
sim *args:
    "{{ python }}" -m tests.simulation.run {{ args }}

# Fuzz every parser and decompressor, or those named, so many seconds each; needs nightly Rust
fuzz seconds="60" *targets:
    rust/fuzz/run {{ seconds }} {{ targets }}

# Hostile messages in memory against coordinator, worker and client, with a new printed seed
fuzz-messages seconds="3600":
    "{{ python }}" -m tests.fuzz.messages --seconds {{ seconds }}

# Damaged and mixed logs through every way to a report, for so long; a failure prints its case
fuzz-logs seconds="3600": build
    "{{ python }}" -m tests.fuzz.logs --seconds {{ seconds }}

# Damaged journals, from which coordinators start, with a new printed seed
fuzz-journal seconds="3600":
    "{{ python }}" -m tests.fuzz.journal --seconds {{ seconds }}

# Watch a worker being killed in the middle of a job, and its work being done by others
demo log="test_vectors/logs/mixed_format.log" scenario="worker-failure": build
    "{{ python }}" -m logan simulate {{ scenario }} {{ log }}

# Watch a service that breaks, in the terminal and on a page: four minutes, or until q or Ctrl-C
demo-live *args: build
    "{{ python }}" -m test_vectors.live_demo {{ args }}

# A log that is rotated 1,000 times in each way under 20,000 lines/s: the summary is that of `analyze`
rotations *args:
    "{{ python }}" -m pytest tests/unit/live/test_follower.py -m slow -k rotations
    "{{ python }}" -m tests.support.rotating_watch {{ args }}

# Faults under a watch that take long: a burst of 1 GiB and the like
live-faults *args:
    "{{ python }}" -m pytest tests/integration -m 'slow or not slow' -k watch_faults {{ args }}

# Runs and watches with a state folder, each killed 1,000 times among rotations: no line lost or doubled
kills *args:
    "{{ python }}" -m pytest tests/unit/state -m slow -s {{ args }}

# The cluster's tests with real processes, many times over, some rounds side by side: none may fail
chaos count="50" jobs="4": build
    "{{ python }}" -m tests.chaos --count {{ count }} --jobs {{ jobs }}

# Three hosts, rotations, a kill every 10 s of a worker or the coordinator: each line counted once
follow-faults seconds="600" kill_every="10": build
    "{{ python }}" -m tests.support.follow_faults --seconds {{ seconds }} --kill-every {{ kill_every }}

# Complain about style
lint:
    ruff check
    ruff format --check
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --quiet -- -D warnings
    zizmor --offline --quiet .github

# Repair style
fmt:
    ruff check --fix --quiet
    ruff format --quiet
    cargo fmt --all

# Types: strict mypy, and whether the stub says what the extension has
types:
    mypy
    "{{ python }}" -m mypy.stubtest logan._logan

# The required speed, memory and recovery, beside `wc -l` and other tools, what each fast path buys: some minutes, some GiB
bench *args: build
    "{{ python }}" tests/bench/commission.py
    "{{ python }}" -m pip install -q 'pip>=25.1'
    "{{ python }}" -m pip install -q --group bench
    "{{ python }}" tests/bench/run.py {{ args }}
    "{{ python }}" -m tests.bench.fast_paths

# Every format's speed on one thread
bench-formats *args: build
    "{{ python }}" -m tests.bench.formats {{ args }}

# Archives beside gzip and zstd, conditions and group tables, ten minutes out of a large log
bench-sources *args: build
    "{{ python }}" -m tests.bench.sources {{ args }}

# Records out: Arrow, Parquet, and `logan sql` beside DuckDB alone with a regular expression
bench-records *args: build
    "{{ python }}" -m tests.bench.records {{ args }}

# Events a second and memory of the pure scheduler
bench-scheduler *args:
    "{{ python }}" -m tests.bench.scheduler {{ args }}

# What distribution costs and how fast failures are made good; takes some minutes
bench-cluster *args: build
    "{{ python }}" -m tests.bench.cluster {{ args }}

# How late `logan watch` is and what it costs, a simulated day of it included: half an hour
bench-live *args: build
    "{{ python }}" -m tests.bench.live {{ args }}

# Follow jobs: how old figures are at the client, CPU at 10,000 lines/s, memory
bench-follow *args: build
    "{{ python }}" -m tests.bench.follow {{ args }}

# Criterion benches of the hot pieces
bench-rust *args:
    cargo bench -p logan-core {{ args }}

# Rewrite what is made from other files: reference pages, man pages, completions, notices
generate:
    PYTHONPATH=python "{{ python }}" -m release.generate

# Run the notebooks of python/examples and store what their cells show
notebooks *args:
    PYTHONPATH=python "{{ python }}" -m release.notebook {{ args }}

# Tests in an environment of its own, below target/, with the lowest versions of all dependencies
test-lowest *args="tests/unit tests/contract":
    python3 -m venv --clear --upgrade-deps target/lowest
    python3 python/release/lowest.py > target/lowest/constraints.txt
    target/lowest/bin/python -m pip install -q -c target/lowest/constraints.txt -e . --group test
    target/lowest/bin/python -m pytest {{ args }}

# A wheel for this platform in dist/
wheel:
    "{{ python }}" -m pip wheel --quiet --no-deps --wheel-dir dist .

# Rewrite the small logs and their expected metrics
vectors:
    "{{ python }}" test_vectors/generate.py --all-small
    "{{ python }}" test_vectors/expected.py --write
