# Everything that a person or a machine does with this project. `make` alone lists it.
#
#   CAMERA=0        build without V4L2 cameras (and so without libclang)
#   DEMO_SOURCE=…   run the demo on /dev/video0, a folder of pictures or an http:// stream instead of the drawn campsite
#   DEMO_OUT=DIR    where the demo leaves its snapshots, logs and summary (default: demo-out)

CAMERA ?= 1
ifeq ($(CAMERA),0)
CARGO_FLAGS += --no-default-features --features station
endif
export CAMERA DEMO_SOURCE
DEMO_OUT ?= demo-out

# The development profile everywhere, so that dependencies are compiled once for demo, test and tools.
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/debug/bearwatch

# What cross-building needs.
ARCH ?= $(shell dpkg --print-architecture 2>/dev/null)
ARCH_STEP := $(if $(filter arm64,$(ARCH)),arm,$(filter armhf amd64,$(ARCH)))
ifneq ($(ARCH),amd64)
ifeq ($(ARCH),$(shell dpkg --print-architecture 2>/dev/null))
ARCH_STEP :=
endif
endif

.DEFAULT_GOAL := help
.PHONY: help build demo demo-check page-check station-demo station-check test lint arm kernels board board-short bridges endurance soak bench figures performance accuracy sight faults fuzz sbom review scale drift rollout mast deb deb-check size

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## The program, in target/debug; says and installs what is missing first
	@deploy/prepare.sh build
	cargo build --locked $(CARGO_FLAGS)

demo: ## Dusk into night at a drawn campsite: bears, alerts over a real Mosquitto, a summary after a minute
	@deploy/prepare.sh build broker
	cargo build --locked $(CARGO_FLAGS)
	@deploy/demo.sh $(PROGRAM) $(DEMO_OUT)

demo-check: demo ## The demo, and whether it found its bears and nothing else
	@tests/demo.py $(DEMO_OUT)/summary.json

AXE := $(or $(CARGO_TARGET_DIR),target)/axe
PAGE_OUT ?= $(or $(CARGO_TARGET_DIR),target)/page

page-check: ## The aiming page in a headless Chromium: by touch, by keyboard, over a slow link; screenshots in PAGE_OUT
	@deploy/prepare.sh build broker browser node
	cargo build --locked $(CARGO_FLAGS)
	[ -e $(AXE)/node_modules/axe-core/axe.min.js ] || npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(AXE) axe-core@4.14
	@tests/page.py $(PROGRAM) $(AXE)/node_modules/axe-core/axe.min.js $(PAGE_OUT)

STATION_OUT ?= $(or $(CARGO_TARGET_DIR),target)/station

station-demo: ## A station with its duty desk, a camera on a drawn campsite and a dozen played ones; prints the address, ends with Ctrl-C
	@deploy/prepare.sh build broker
	cargo build --locked $(CARGO_FLAGS)
	@deploy/station-demo.sh $(PROGRAM) $(STATION_OUT)

station-check: ## The station's page in a headless Chromium: on a telephone, by keyboard, with broker and station gone; screenshots in STATION_OUT
	@deploy/prepare.sh build broker tests browser node
	cargo build --locked $(CARGO_FLAGS)
	[ -e $(AXE)/node_modules/axe-core/axe.min.js ] || npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(AXE) axe-core@4.14
	@tests/station.py $(PROGRAM) $(AXE)/node_modules/axe-core/axe.min.js $(STATION_OUT)

test: ## Formatting, then every test that is fast enough to run on each change, against a real Mosquitto; those of the station on SQLite and on PostgreSQL
	@deploy/prepare.sh build broker tests
	cargo fmt --check
	cargo test --locked $(CARGO_FLAGS)
	BEARWATCH_STATION_ON=postgres cargo test --locked $(CARGO_FLAGS) --lib station::store
	BEARWATCH_STATION_ON=postgres cargo test --locked $(CARGO_FLAGS) --test station -- --skip several::
	@tests/bridges.py $(PROGRAM)

lint: ## Clippy without a single warning, licences and bans of dependencies, the systemd unit, the rules for Prometheus
	@deploy/prepare.sh build lint
	cargo clippy --locked --all-targets $(CARGO_FLAGS) -- -D warnings
	shellcheck .ci/run fuzz/*.sh deploy/*.sh deploy/*/*.sh deploy/debian/post* systemd/usb-reset tests/*.sh tests/board/*.sh benches/*.sh benches/instructions/*.sh
	@python3 docs/figures.py --check
	@python3 docs/performance.py --check
	@python3 docs/accuracy.py --check
	@python3 docs/sight.py --check
	@python3 docs/soak.py --check
	@python3 docs/scale.py --check
	@python3 docs/drift.py --check
	@python3 docs/rollout.py --check
	@python3 docs/learning.py --check
	@python3 docs/delivery.py --check
	@python3 docs/mast.py --check
	@python3 docs/review.py --check
	@python3 -m training.report --check
	@tests/deny.sh
	@tests/unit.sh
	@tests/rules.sh
	@tests/usb_reset.sh

arm: ## Cross-build for 64-bit ARM and run it under emulation: its detections equal the native ones
	@deploy/prepare.sh build broker tests arm
	cargo build --locked $(CARGO_FLAGS)
	@tests/arm.sh $(PROGRAM)

deb: ## The package for Debian and Raspberry Pi OS; ARCH=arm64 or armhf for boards, else for this machine
	@deploy/prepare.sh build deb $(ARCH_STEP)
	@deploy/deb.sh $(ARCH)

deb-check: ## The package around the program in target/debug: built twice, installed, upgraded, downgraded, removed, purged (root or sudo)
	@deploy/prepare.sh build deb deb-check
	cargo build --locked $(CARGO_FLAGS)
	@tests/deb.sh $(PROGRAM)
	@tests/size.sh dev $(PROGRAM)

size: ## Size of the stripped program as built for boards (ARCH=arm64, armhf), held to tests/size.txt
	@deploy/prepare.sh build $(ARCH_STEP)
	@tests/size.sh $(ARCH)

kernels: ## The int8 kernels under AddressSanitizer, valgrind and emulated ARM processors (a quarter of an hour; not in CI)
	@deploy/prepare.sh build arm kernels
	@tests/kernels.sh

board-short: ## A whole emulated board whose camera shows drawn and real pictures: their alerts arrive (two minutes; a step of CI)
	@deploy/prepare.sh build broker tests arm board-short
	@tests/board/short.sh

board: ## A whole emulated board: its camera falls silent, fails, hangs and is unplugged, its network and disk fail, its power is cut, its package lives under systemd, and that for 32 bits on another (a quarter of an hour; not in CI)
	@deploy/prepare.sh build broker tests arm armhf deb board
	@tests/board/short.sh
	@tests/board/camera.sh
	@tests/board/faults.sh
	@tests/board/system.sh
	@tests/board/armhf.sh

FUZZ_SECONDS ?= 180

fuzz: ## Junk against everything that comes from outside, FUZZ_SECONDS=180 for each of five parsers
	@deploy/prepare.sh build
	@fuzz/run.sh $(FUZZ_SECONDS)

sbom: ## What the program is made of, with versions and licences: target/sbom, CycloneDX
	@deploy/sbom.sh

NODE_RED := $(or $(CARGO_TARGET_DIR),target)/node-red

bridges: ## The bridges with a real Node-RED, and Home Assistant's own code over what a camera tells it (downloads 200 MB once; not in CI)
	@deploy/prepare.sh build broker tests node
	cargo build --locked $(CARGO_FLAGS)
	[ -d $(NODE_RED)/node_modules/node-red ] || npm install --silent --no-audit --no-fund --prefix $(NODE_RED) node-red@4.1
	@tests/bridges.py $(PROGRAM) $(NODE_RED)
	@tests/home_assistant.sh $(PROGRAM)

endurance: ## Ten minutes of the daemon at 15 frames a second: memory, drops, and every alert received
	@deploy/prepare.sh build broker tests
	cargo build --locked $(CARGO_FLAGS)
	@benches/endurance.sh $(PROGRAM)

bench: ## Latency of each stage from capture to acknowledgement, on this machine
	@deploy/prepare.sh build broker
	cargo build --locked $(CARGO_FLAGS)
	$(PROGRAM) bench

figures: ## Measure everything that docs/figures.md states and write it anew (DIST=PATH: speed and size of a dist build)
	@deploy/prepare.sh build broker tests
	cargo build --locked $(CARGO_FLAGS)
	@python3 docs/figures.py --program $(PROGRAM) $(if $(DIST),--dist $(DIST))

PEERS := $(or $(CARGO_TARGET_DIR),target)/peers/venv

$(PEERS)/ready: benches/peers/requirements.txt benches/peers/converters.txt
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the other runtimes need Python 3.11 or later")'
	python3 -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet -r benches/peers/requirements.txt
	$(PEERS)/bin/pip install --quiet --no-deps --ignore-requires-python -r benches/peers/converters.txt
	touch $@

performance: $(PEERS)/ready ## Network and frame path beside other runtimes, and instructions on ARM: docs/performance.md anew (an hour)
	@deploy/prepare.sh build broker tests arm peers
	@python3 docs/performance.py --python $(PEERS)/bin/python

accuracy: training/.venv/ready ## The model beside its base and other detectors on every suite of make train-suites: docs/accuracy.md anew (an hour)
	@deploy/prepare.sh build
	cargo build --locked --profile dist $(CARGO_FLAGS)
	@python3 docs/accuracy.py --python $(TRAIN_PYTHON) --program $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch

sight: training/.venv/ready ## Alerts on sequences, on boards and against simpler ways to decide: docs/sight.md anew (an hour)
	@deploy/prepare.sh build
	cargo build --locked --profile dist $(CARGO_FLAGS)
	[ -e $(TRAIN_WORK)/sequences/sequences.json ] || $(MAKE) train-sequences
	@python3 docs/sight.py --program $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch

soak: ## Days at a drawn campsite without bears (SOAK_DAYS=10): what they raise for nothing, docs/soak.md anew (hours)
	@deploy/prepare.sh build
	cargo build --locked --profile dist $(CARGO_FLAGS)
	@python3 docs/soak.py --program $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch

faults: ## Networks, disks, brokers, clocks and daemons that fail (ROUNDS=1000), and what delivery costs: docs/delivery.md anew (an hour; root for all of it)
	@deploy/prepare.sh build broker tests
	@python3 docs/delivery.py --rounds $(or $(ROUNDS),1000)

review: ## How often the interval of what was missed holds the truth, by simulation: docs/review.md anew (some minutes)
	@deploy/prepare.sh build
	@python3 docs/review.py

scale: ## Fleets of played cameras against a real Mosquitto on this machine: docs/scale.md anew (some minutes)
	@deploy/prepare.sh build broker
	cargo build --locked $(CARGO_FLAGS)
	@python3 docs/scale.py --program $(PROGRAM)

drift: ## What the station tells of shifts, on simulated cameras: false alarms and what is found, docs/drift.md anew (minutes)
	@deploy/prepare.sh build
	cargo build --locked $(CARGO_FLAGS)
	@python3 docs/drift.py --program $(PROGRAM)

rollout: ## What the station lets through of bad models, and stops of good ones, on simulated cameras: docs/rollout.md anew (minutes)
	@deploy/prepare.sh build
	cargo build --locked $(CARGO_FLAGS)
	@python3 docs/rollout.py --program $(PROGRAM)

mast: ## What a device on a mast must hold to, measured as it is installed: docs/mast.md anew (an hour and a half; root or sudo)
	@deploy/prepare.sh build broker tests lint amd64 arm armhf deb board peers
	@python3 docs/mast.py

# Training of the model is Python: see training/README.md.
-include training/train.mk
