# Every target sets up what it needs. `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
SEED ?= 1
RECIPE ?= tiny_i2v
JOBS ?= 2

.PHONY: help setup demo test test-slow test-room annotate test-faults fuzz check check-infra format ingest ingest-job dataset recaption bench-ingest caption draw gallery encode train sample bench-road bench-cost bench-scale bench-loader bench-train bench-encode bench-caption bench-captions bench-stages bench-shots bench-segments bench-reward study-conditioning study-preference study-curriculum real-footage checkpoint clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv and install everything into it

$(READY): pyproject.toml infra/constraints.txt $(wildcard infra/torchvision_cpu/*)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint infra/constraints.txt --editable '.[caption,learn,vlm,ingest,reward,train,decord,dev]'
	$(BIN)/pip install --quiet ./infra/torchvision_cpu
	touch $@

demo: $(READY)  ## draw, ingest, train, sample, read back: build/demo/index.html (about ten minutes)
	$(BIN)/python -m demo --out build/demo

test: $(READY)  ## all quick tests; not those of test-slow, of test-ranks and of a GPU [JOBS=2]
	$(BIN)/python -m pytest -m 'not slow and not gpu and not ranks' -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-slow: $(READY)  ## the tests that take longer than 30 seconds each
	$(BIN)/python -m pytest -m slow

test-room: $(READY)  ## the annotation room whole: PostgreSQL, a browser, fifty raters and a server that is killed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m room -s tests/reward/room

test-ranks: $(READY)  ## gradients, state and stopping of FSDP2 and ZeRO 1, 2, 3 on two processes against one (three minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m ranks tests/trainer

test-faults: $(READY)  ## kills, full and slow disks, busy servers: always the same data set. [N=200; a bigger N goes on]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.faults $(or $(N),200) $(ARGS)

fuzz: $(READY)  ## damaged films of every container through the real ingest: build/bench/mutated.json [N=500 SEED=1]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.mutated $(or $(N),500) --seed $(SEED)

check: $(READY)  ## format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(MAKE) test

format: $(READY)  ## format in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

recaption: $(READY)  ## captions of a data set anew: DATASET=folder [ARGS="--url http://host:8000/v1 --model NAME"]
	$(BIN)/animatrix-ingest recaption $(or $(DATASET),$(error say DATASET=folder)) $(ARGS)

draw: $(READY)  ## drawn episodes: OUT= [EPISODES= SEED=]
	$(BIN)/anicaption draw --out $(or $(OUT),$(error say OUT=folder)) --episodes $(or $(EPISODES),2) --seed $(SEED) $(ARGS)

gallery: $(READY)  ## every value that can be drawn, on one page: OUT=gallery.html
	$(BIN)/anicaption draw --gallery --out $(or $(OUT),$(error say OUT=page.html))

caption: $(READY)  ## production variables of clips: CLIPS="a.mp4 ..." OUT=records.jsonl
	$(BIN)/anicaption caption $(or $(CLIPS),$(error say CLIPS="a.mp4 ...")) --out $(or $(OUT),$(error say OUT=records.jsonl)) $(ARGS)

ingest: $(READY)  ## a data set from raw video: SOURCES="folder *.mkv" OUT=folder [ARGS=...]
	$(BIN)/animatrix-ingest run $(or $(SOURCES),$(error say SOURCES="folder *.mkv")) --out $(or $(OUT),$(error say OUT=folder)) $(ARGS)

dataset: $(READY)  ## a data set by a recipe: RECIPE=laptop SOURCES= OUT= [ARGS=...]
	$(BIN)/animatrix-ingest run $(or $(SOURCES),$(error say SOURCES="folder list.csv s3://...")) --out $(or $(OUT),$(error say OUT=folder)) \
	    --recipe $(or $(filter-out tiny_i2v,$(RECIPE)),laptop) $(ARGS)

ingest-job: $(READY)  ## the same as a Ray job: SOURCES= OUT= [ADDRESS=http://HEAD:8265 ARGS=...], on a local cluster without ADDRESS
	$(BIN)/python infra/job.py $(if $(ADDRESS),--address $(ADDRESS)) -- run $(or $(SOURCES),$(error say SOURCES="folder *.mkv")) \
	    --out $(or $(OUT),$(error say OUT=folder)) $(ARGS)

annotate: $(READY)  ## the annotation room on http://127.0.0.1:8008: [ROOM=folder CLIPS=list.jsonl ARGS=...]
	$(if $(CLIPS),$(BIN)/animatrix-reward add-clips $(CLIPS) --room $(or $(ROOM),build/room))
	$(BIN)/animatrix-reward serve --room $(or $(ROOM),build/room) $(ARGS)

encode: $(READY)  ## latents and texts of a recipe, made once: SHARDS=folder CACHE=folder [RECIPE=tiny_i2v ARGS=--dry-run]; then `make train ... ARGS="--cache folder"`
	$(BIN)/animatrix-train encode $(RECIPE) --shards $(or $(SHARDS),$(error say SHARDS=folder)) --cache $(or $(CACHE),$(error say CACHE=folder)) $(ARGS)

train: $(READY)  ## a model from shards: SHARDS=folder OUT=folder [RECIPE=tiny_i2v ARGS=...]
	$(BIN)/animatrix-train fit $(RECIPE) --shards $(or $(SHARDS),$(error say SHARDS=folder)) --out $(or $(OUT),$(error say OUT=folder)) $(ARGS)

sample: $(READY)  ## a clip from a model: CHECKPOINT=folder TAGS="camera.move=pan_left" OUT=clip.mp4 [TEXT= IMAGE= SEED=]
	$(BIN)/animatrix-train sample $(or $(CHECKPOINT),$(error say CHECKPOINT=folder)) --tags "$(TAGS)" --text "$(TEXT)" \
	    --seed $(SEED) --out $(or $(OUT),$(error say OUT=clip.mp4)) $(if $(IMAGE),--image $(IMAGE)) $(ARGS)

bench-reward: $(READY)  ## the Judge on kinds and a hand it never saw, with rivals and the metamorphic suite: build/bench/reward.json [ARGS=...]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.reward $(ARGS)

bench-road: $(READY)  ## shot detection and cost beside PySceneDetect: build/bench/road.json
	$(BIN)/python -m benchmarks.road

bench-ingest: $(READY)  ## CPU time of a run beside bare decode, pass, encode and today's way: build/bench/ingest.json [ARGS=...]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.ingest $(ARGS)

bench-cost: $(READY)  ## CPU time of every part of the measuring pass, clean and grainy: build/bench/cost.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.cost

bench-loader: $(READY)  ## CPU of our loader a sample beside plain webdataset and tarfile, and of decoders: build/bench/{loader,decoders}.json [SHARDS=folder]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.decoders
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.loader $(if $(SHARDS),--shards $(SHARDS)) $(ARGS)

bench-train: $(READY)  ## our step beside a bare diffusers loop, resume, memory, padding; at Wan-1.3B shapes where CUDA is: build/bench/train*.json [SHARDS=folder ARGS=--rehearse]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.train $(if $(SHARDS),--shards $(SHARDS)) $(ARGS)
	$(if $(SHARDS),$(MAKE) bench-loader SHARDS=$(SHARDS))

bench-encode: $(READY)  ## CPU of a step on what encode kept beside encoding on the fly: build/bench/encode.json [ARGS="--shards folder"]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.encode $(ARGS)

bench-scale: $(READY)  ## plan, pack, commit and re-open a million clips without pixels: build/bench/scale.json [ARGS=...]
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-caption: $(READY)  ## measured variables of drawn shots of both hands, with rivals: build/bench/captions.json [ARGS=...]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.captions $(ARGS)

bench-captions: bench-caption

bench-stages: $(READY)  ## border box, lettering with roles, quality and their cost, with rivals: build/bench/stages.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.stages

bench-segments: $(READY)  ## cadence, openings, endings, eyecatches, recaps, previews and copies on drawn series: build/bench/segments.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.segments $(ARGS)

bench-shots: $(READY)  ## shot boundaries by kind, both hands and real footage, beside six rivals: build/bench/shots.json [ARGS=...]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.shots $(ARGS)

real-footage: $(READY)  ## cuts and camera against labels: MEDIA=folder of labelled footage
	$(BIN)/python -m benchmarks.real_footage $(or $(MEDIA),$(error say MEDIA=folder))

check-infra: $(READY)  ## containers, KubeRay, ray up and Slurm files through their validators
	$(BIN)/python infra/check.py

study-conditioning: $(READY)  ## tags as words or in a channel of their own: build/bench/study_conditioning.json [ARGS="--frames 17 ..."]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.study.conditioning $(ARGS)

study-curriculum: $(READY)  ## does the order in which deformation is met matter: build/bench/study_curriculum.json [ARGS="--frames 17 ..."]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.study.curriculum $(ARGS)

study-preference: $(READY)  ## does preference take failures out and leave the art in: build/bench/study_preference.json [ARGS="--gpu-size"]
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.study.preference $(ARGS)

checkpoint: $(READY)  ## remake the shipped checkpoint in build/checkpoint (about an hour and a half on two cores)
	$(BIN)/anicaption draw --out build/checkpoint/raw --script moves --height 96 --episodes 24 --shots 64 --seed 7000
	$(BIN)/animatrix-ingest run build/checkpoint/raw --out build/checkpoint/data --recipe demo
	OMP_NUM_THREADS=1 $(BIN)/animatrix-train fit tiny_i2v --shards build/checkpoint/data --out build/checkpoint/small
	OMP_NUM_THREADS=1 $(BIN)/animatrix-train fit tiny_i2v_wide --shards build/checkpoint/data \
	    --out build/checkpoint/wide --init build/checkpoint/small/checkpoints/step-00005000
	$(BIN)/animatrix-train export build/checkpoint/wide/checkpoints/step-00001500 --out build/checkpoint/tiny_i2v_wide

clean:  ## remove what the targets made, but not .venv
	rm -rf build
