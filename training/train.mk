# Training of the model. BEARWATCH_DATA and BEARWATCH_WEIGHTS name folders: see training/README.md.
#
#   TRAIN_MINUTES=60   first run; HARD_MINUTES=20 the second, on what the first got wrong; INT8_MINUTES=15 the third, through the rounding
#   START=FILE         float weights to go on from, such as models/bearwatch-nano.pt (default: the base)
#   TORCH_INDEX=URL    an index of smaller PyTorch builds

TRAIN_MINUTES ?= 60
HARD_MINUTES ?= 20
INT8_MINUTES ?= 15
SIMULATED_COUNT ?= 1500
TRAIN_WORK := training/work
SMOKE_WORK := training/work/smoke
TRAIN_PYTHON := training/.venv/bin/python

.PHONY: train train-audit train-card train-curve train-looks train-setup train-sequences train-smoke train-stills train-suites

train-suites: training/.venv/ready ## Evaluation suites in training/work/suites, from bears/val and the calibration split
	$(TRAIN_PYTHON) -m training.suites --out $(TRAIN_WORK)/suites

train-sequences: training/.venv/ready ## Sequences for eval --events in training/work/sequences, from bears/val and the calibration split
	$(TRAIN_PYTHON) -m training.sequences --out $(TRAIN_WORK)/sequences

CALIBRATION := calibration-day calibration-dusk calibration-infrared calibration-far-2048 calibration-look-alikes calibration-empty
BOARD_MS ?= 114

train-looks: training/.venv/ready ## What a look at a track proves, from the calibration sequences at the speed of a Pi 4, into the card in models/
	cargo build --locked --profile dist $(CARGO_FLAGS)
	[ -e $(TRAIN_WORK)/sequences/$(lastword $(CALIBRATION))/events.json ] || \
		$(TRAIN_PYTHON) -m training.sequences --out $(TRAIN_WORK)/sequences --only $(CALIBRATION)
	for set in $(CALIBRATION); do $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch eval $(TRAIN_WORK)/sequences/$$set --events --board-ms $(BOARD_MS) \
		--model models/bearwatch-nano.onnx --save-looks $(TRAIN_WORK)/$$set.looks || exit; done
	$(TRAIN_PYTHON) -m training.looks $(CALIBRATION:%=$(TRAIN_WORK)/%.looks) --card models/bearwatch-nano.json

train-stills: training/.venv/ready ## What looks at stills count as together, from the calibration split, into the card in models/
	cargo build --locked --profile dist $(CARGO_FLAGS)
	[ -e $(TRAIN_WORK)/suites/suites.json ] || $(TRAIN_PYTHON) -m training.suites --out $(TRAIN_WORK)/suites
	$(TRAIN_PYTHON) -m training.stills --program $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch --suites $(TRAIN_WORK)/suites --card models/bearwatch-nano.json

train-setup: training/.venv/ready ## Python environment of the training, in training/.venv

training/.venv/ready: training/requirements.txt
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "training needs Python 3.11 or later")'
	python3 -m venv training/.venv
	$(TRAIN_PYTHON) -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r training/requirements.txt
	touch $@

$(TRAIN_WORK)/simulated/annotations.json:
	cargo build --locked $(CARGO_FLAGS)
	$(PROGRAM) simulate --out $(@D) --count $(SIMULATED_COUNT) --seed 1000000

train: training/.venv/ready $(TRAIN_WORK)/simulated/annotations.json ## Train the model anew, two hours: fine-tune, through the rounding, int8, measure, write models/
	$(TRAIN_PYTHON) -m training.finetune --out $(TRAIN_WORK)/first $(if $(START),--start $(START)) --simulated $(TRAIN_WORK)/simulated --minutes $(TRAIN_MINUTES)
	$(TRAIN_PYTHON) -m training.finetune --out $(TRAIN_WORK)/hard --start $(TRAIN_WORK)/first/final.pt --hard --seed 2 --rate 2e-4 \
		--simulated $(TRAIN_WORK)/simulated --minutes $(HARD_MINUTES)
	$(TRAIN_PYTHON) -m training.blend --out $(TRAIN_WORK)/blend --start $(TRAIN_WORK)/hard/final.pt
	$(TRAIN_PYTHON) -m training.finetune --out $(TRAIN_WORK)/int8 --start $(TRAIN_WORK)/blend/final.pt --int8 --hard --seed 3 --rate 1e-4 \
		--simulated $(TRAIN_WORK)/simulated --minutes $(INT8_MINUTES)
	$(TRAIN_PYTHON) -m training.quantise --start $(TRAIN_WORK)/int8/final.pt --out $(TRAIN_WORK)/bearwatch-nano.onnx
	[ -e $(TRAIN_WORK)/suites/suites.json ] || $(TRAIN_PYTHON) -m training.suites --out $(TRAIN_WORK)/suites
	$(TRAIN_PYTHON) -m training.card --model $(TRAIN_WORK)/bearwatch-nano.onnx --runs $(TRAIN_WORK)/first $(TRAIN_WORK)/hard $(TRAIN_WORK)/blend $(TRAIN_WORK)/int8 \
		--suites $(TRAIN_WORK)/suites --out models
	$(MAKE) train-looks
	$(MAKE) train-stills
	$(MAKE) train-card

train-card: training/.venv/ready ## What the model's card tells, measured anew, and the card: models/*.figures.json, *.md and the diagram
	@deploy/prepare.sh build
	cargo build --locked --profile dist $(CARGO_FLAGS)
	[ -e $(TRAIN_WORK)/suites/suites.json ] || $(TRAIN_PYTHON) -m training.suites --out $(TRAIN_WORK)/suites
	$(TRAIN_PYTHON) -m training.card_figures --models models --suites $(TRAIN_WORK)/suites --program $(or $(CARGO_TARGET_DIR),target)/dist/bearwatch \
		--teachers $(TRAIN_WORK)/teachers-val.json
	$(TRAIN_PYTHON) -m training.report --models models

train-audit: training/.venv/ready ## What looks wrong in the labels of bears/train, by the last run and the teachers: a page in training/work/audit
	$(TRAIN_PYTHON) -m training.teachers --out $(TRAIN_WORK)/teachers.json
	$(TRAIN_PYTHON) -m training.audit --model-run $(TRAIN_WORK)/hard/final.pt --teachers $(TRAIN_WORK)/teachers.json --out $(TRAIN_WORK)/audit

train-curve: training/.venv/ready $(TRAIN_WORK)/simulated/annotations.json ## What more pictures would bring, and what the label fixes did: docs/learning.md anew (two hours)
	[ -e $(TRAIN_WORK)/suites/suites.json ] || $(TRAIN_PYTHON) -m training.suites --out $(TRAIN_WORK)/suites
	@python3 docs/learning.py --python $(TRAIN_PYTHON)

train-smoke: training/.venv/ready ## The whole chain of the training on 20 pictures, two minutes; leaves models/ alone
	$(TRAIN_PYTHON) -m pytest --quiet -p no:cacheprovider training/tests
	rm -rf $(SMOKE_WORK)
	$(TRAIN_PYTHON) -m training.finetune --out $(SMOKE_WORK)/first --most-pictures 20 --most-steps 4
	$(TRAIN_PYTHON) -m training.finetune --out $(SMOKE_WORK)/hard --start $(SMOKE_WORK)/first/final.pt --hard --most-pictures 20 --most-steps 2
	$(TRAIN_PYTHON) -m training.teachers --out $(SMOKE_WORK)/teachers.json --most-pictures 20
	$(TRAIN_PYTHON) -m training.audit --model-run $(SMOKE_WORK)/hard/final.pt --teachers $(SMOKE_WORK)/teachers.json --out $(SMOKE_WORK)/audit \
		--most-pictures 20
	$(TRAIN_PYTHON) -m training.finetune --out $(SMOKE_WORK)/int8 --start $(SMOKE_WORK)/hard/final.pt --int8 --most-pictures 20 --most-steps 2
	$(TRAIN_PYTHON) -m training.quantise --start $(SMOKE_WORK)/int8/final.pt --out $(SMOKE_WORK)/bearwatch-nano.onnx --most-pictures 20
	$(TRAIN_PYTHON) -m training.card --model $(SMOKE_WORK)/bearwatch-nano.onnx --runs $(SMOKE_WORK)/first $(SMOKE_WORK)/hard $(SMOKE_WORK)/int8 \
		--out $(SMOKE_WORK)/models --most-pictures 20
	$(TRAIN_PYTHON) -m training.card_figures --models $(SMOKE_WORK)/models --most-pictures 20
	$(TRAIN_PYTHON) -m training.report --models $(SMOKE_WORK)/models
