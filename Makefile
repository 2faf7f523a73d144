# Two commands set everything up: `make demo` runs the main job, `make test` the tests.
# The chain, in order: phantom -> detector -> dataset -> vae -> ldm -> volumes -> evaluation.

PYTHON ?= python3
PRESET ?= demo
WORK   ?= work/$(PRESET)
CPU_WHEELS ?= https://download.pytorch.org/whl/cpu

BIN    := .venv/bin
XRMRI  := $(BIN)/xrmri
READY  := .venv/ready

.PHONY: setup demo test lint faults mutants bench likeness golden ceiling phantom knees dataset vae ldm volumes evaluation detector bundle held-out real-crops gpu-model reproduce site clean

setup: $(READY)

# Without an NVIDIA driver the CPU build of torch is enough, and gigabytes smaller; where its index cannot be reached,
# pip takes the build that the usual index offers.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "xrmri needs Python 3.11 or newer: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv .venv
	@if ! command -v nvidia-smi >/dev/null; then \
	  $(BIN)/pip install --quiet --no-deps --retries 0 --extra-index-url $(CPU_WHEELS) "torch==2.13.0" "torchvision==0.28.0" \
	    || echo "no CPU wheel of torch for this Python: taking the usual build"; fi
	$(BIN)/pip install --quiet --editable ".[dev]"
	@touch $@

demo: $(READY)
	$(XRMRI) generate xrmri/samples/knee.png --features xrmri/samples/kl.json -o demo/knee_mri.nii.gz

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/mypy

# Kills, full disks, damaged and hostile files, with a seed; half an hour. What it finds stands in docs/reliability.md.
faults: $(READY)
	$(BIN)/python -m pytest -m heavy
	$(BIN)/python -m tests.faults

# Small faults put into the code, one at a time: how many do the tests notice?
mutants: $(READY)
	$(BIN)/python -m tests.mutants

# Ratios within one run, each part on its own; an idle machine and half an hour. tests/bench_training.py paper: 18 GB.
bench: $(READY)
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_dataset.py
	$(BIN)/python tests/bench_training.py demo
	$(BIN)/python tests/bench_evaluate.py
	$(BIN)/python tests/bench_detect.py

# Each stage reads what the one before wrote; each resumes where it stopped; make never decides what is done, xrmri does.
phantom: $(READY)
	$(XRMRI) phantom --preset $(PRESET) -o $(WORK)/oai

knees: phantom
	$(XRMRI) detect-knee $(WORK)/oai --preset $(PRESET) -o $(WORK)/knees

dataset: knees
	$(XRMRI) build-dataset $(WORK)/oai --knees $(WORK)/knees --preset $(PRESET) -o $(WORK)/dataset

vae: dataset
	$(XRMRI) train-vae $(WORK)/dataset --preset $(PRESET) -o $(WORK)/vae

ldm: vae
	$(XRMRI) train-ldm $(WORK)/dataset $(WORK)/vae --preset $(PRESET) -o $(WORK)/ldm

volumes: ldm
	$(XRMRI) generate $(WORK)/dataset --model $(WORK)/ldm --preset $(PRESET) -o $(WORK)/volumes

evaluation: volumes
	$(XRMRI) evaluate $(WORK)/volumes $(WORK)/dataset --preset $(PRESET) -o $(WORK)/evaluation
	@echo "Open $(abspath $(WORK))/evaluation/report.html"

# How a cohort compares with real knees, target by target, with sheets of slices and films.
likeness: $(READY)
	$(XRMRI) phantom --participants 40 --matrix 256 --figures -o work/likeness

# What the bytes of a release are compared with, written anew: where drawing has changed on purpose.
golden: $(READY)
	$(BIN)/python tests/phantom/golden.py

# What a film can tell at best, in both frames: two in five of PEOPLE are held out. About 40 core minutes.
ceiling: $(READY)
	sh tests/ceiling.sh $(BIN)/python work/ceiling $(or $(PEOPLE),100)

# The model inside the package, from nothing: PEOPLE more for its anchor. Some five hours of two cores; it goes on where
# it was stopped.
bundle: $(READY)
	sh tests/bundle.sh $(BIN)/python work/bundle $(or $(PEOPLE),1200)

# What the bundled model is worth on PEOPLE of a seed that nothing was trained on, beside twins; after `make bundle`.
held-out: $(READY)
	sh tests/held_out.sh $(BIN)/python work/held bundled work/bundle/dataset $(or $(PEOPLE),100) $(or $(SEED),101)

# Twenty real crops and what the bundled model draws for them; CROPS is a folder with labels.csv and the crops it names.
real-crops: $(READY)
	$(BIN)/python -m tests.real_crops $(CROPS) -o work/real-crops

# Such a model within MINUTES of one GPU, from nothing; docs/training.md says more. PEOPLE are drawn at most.
gpu-model: $(READY)
	$(BIN)/python -m xrmri.stages.gpu_model --minutes $(or $(MINUTES),8) --people $(or $(PEOPLE),2400) -o work/gpu-model

# The paper's experiments with their controls (docs/experiments.md): most of a day, and stopped anywhere it goes on.
# PRESET=laptop takes some hours; PRESET=tiny minutes, and says nothing of knees; OAI=/path takes real ones.
reproduce: $(READY)
	OAI="$(OAI)" $(BIN)/python -m tests.reproduction.served tests/reproduce.sh work/reproduce-$(PRESET)$(if $(OAI),-oai) $(PRESET)

# JOINTS: a folder of real joint crops to set into the training films, if there is one.
detector: $(READY)
	$(BIN)/python -m xrmri.teaching.train --out work/detector $(if $(JOINTS),--joints $(JOINTS))

# docs/ as a site, in work/site.
site: $(READY)
	$(BIN)/pip install --quiet --editable ".[docs]"
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv build dist *.egg-info demo
