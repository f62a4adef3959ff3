# What can be done here. `make` alone, or `make help`, lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Read from the command line: make demo SECONDS=30, make deploy BOARD=RPI_PICO_W PORT=/dev/ttyACM0
SECONDS ?=
BOARD ?=
PORT ?=
FILE ?=
N ?= 300
WORKERS ?= auto
ARGS ?=

# Each reaches its tool as it was typed, as one word: blanks, quotes and $ in it too. ARGS alone is
# several words, with the shell's quotes: ARGS="--file 'my ca.pem:ca.pem'".
override ARGS := $(value ARGS)
one_word = '$(subst ','\'',$(value $(1)))'
option = $(if $(value $(2)),$(1) $(call one_word,$(2)))

# The one tool that is in no requirements.txt: it makes it.
UV := uv==0.13.9

# Two workers for each processor, as tests wait half of their time (host_tests/conftest.py); one
# that is done takes over tests of another. WORKERS=0 runs them one after the other.
SPREAD = -n $(call one_word,WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-lib test-fast soak lint boards flash deploy provision monitor doctor sign platform bench fleet life dist lock clean

help:
	@echo "make demo [SECONDS=n]                 a board reports to a local platform, on this desk"
	@echo "make test                             all tests, on CPython and real MicroPython"
	@echo "make test-fast                        those that take little time: four minutes in all"
	@echo "make test-lib                         of these the library's: about a minute"
	@echo "make soak [ARGS='--reports n']        power cuts, network faults and a soak at full length"
	@echo "make lint                             ruff, the format, and types against each board's stubs"
	@echo "make platform [ARGS=--help]           a local IoT Platform to try boards and clients on"
	@echo "make boards [BOARD=id]                list the boards, or tell more of one"
	@echo "make deploy BOARD=id [PORT=port]      copy the firmware onto a board, show its first report"
	@echo "make flash BOARD=id FILE=firmware     put MicroPython or CircuitPython onto a board"
	@echo "make provision [ARGS=--help]          write settings onto one board, or onto many from a CSV"
	@echo "make monitor [PORT=port]              show what a board prints"
	@echo "make doctor [PORT=port]               check all from Wi-Fi to report, on the board itself"
	@echo "make sign ARGS='--product-key …'      show how a sign-in is signed"
	@echo "make bench [ARGS=--quick]             measure it beside its peers and the limits"
	@echo "make fleet [N=300]                    an outage, seen by a fleet of virtual devices"
	@echo "make life [ARGS=--help]               days of a battery, years of a flash"
	@echo "make dist [ARGS=--help]               the packages for mip, circup and pip"
	@echo "make lock                             pin anew what requirements.in asks for"
	@echo "make clean                            remove what make has made"

demo: $(READY)
	@$(BIN)/python -m tools.demo $(call option,--seconds,SECONDS) $(ARGS)

# Fails where a branch of lib/ is run by no test; ARGS may name tests, then that is not asked.
test: $(READY)
	$(if $(ARGS),$(BIN)/python -m pytest $(ARGS),$(BIN)/python -m pytest $(SPREAD) --cov)

test-fast: $(READY)
	$(BIN)/python -m pytest $(SPREAD) -m "not slow" $(ARGS)

test-lib: $(READY)
	$(BIN)/python -m pytest $(SPREAD) -m "not slow" -k "not circuitpython" host_tests/lib $(ARGS)

# Some 20 minutes: power cuts, a reset at every byte, then boards under random faults.
soak: $(READY)
	$(if $(wildcard host_tests/power/__main__.py),$(BIN)/python -m host_tests.power)
	FULL=1 $(BIN)/python -m pytest host_tests/lib/test_network_faults.py host_tests/lib/test_resources.py
	$(BIN)/python -m tools.soak $(ARGS)
	$(BIN)/python -m tools.soak.month

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tools.typecheck

boards: $(READY)
	@$(BIN)/python -m tools.boards $(call option,--board,BOARD) $(ARGS)

platform: $(READY)
	@$(BIN)/python -m tools.platform $(ARGS)

deploy: $(READY)
	@$(BIN)/python -m tools.deploy $(call option,--board,BOARD) $(call option,--port,PORT) $(ARGS)

flash: $(READY)
	@$(BIN)/python -m tools.flash $(call option,--board,BOARD) $(call option,--port,PORT) $(ARGS) $(if $(value FILE),$(call one_word,FILE))

doctor: $(READY)
	@$(BIN)/python -m tools.doctor $(call option,--port,PORT) $(ARGS)

sign: $(READY)
	@$(BIN)/python -m tools.sign $(ARGS)

provision: $(READY)
	@$(BIN)/python -m tools.provision $(ARGS)

monitor: $(READY)
	@$(BIN)/python -m tools.monitor $(call option,--port,PORT) $(ARGS)

# The lock lists every package itself, so that pip need not resolve (--no-deps), and leaves out
# what no module of ours imports: pandas, which the recorded weather is read without, and Blinka.
LEFT_OUT := numpy pandas python-dateutil pytz six tzdata adafruit-blinka \
	adafruit-circuitpython-busdevice adafruit-platformdetect adafruit-pureio \
	binho-host-adapter pyftdi pyusb sysv-ipc

bench: $(READY)
	@$(BIN)/python -m tools.bench $(ARGS)

fleet: $(READY)
	@$(BIN)/python -m tools.fleet $(call one_word,N) $(ARGS)

life: $(READY)
	@$(BIN)/python -m tools.life $(ARGS)

dist: $(READY)
	@$(BIN)/python -m tools.dist $(ARGS)

lock: $(READY)
	$(BIN)/pip install --quiet $(UV)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
		--generate-hashes $(addprefix --no-emit-package ,$(LEFT_OUT)) requirements.in -o requirements.txt

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage*
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or later is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "making the virtual environment $(VENV) (some 70 MB, once)"
	@rm -f $(READY)
	@$(PYTHON) -m venv --clear $(VENV) || \
		{ echo "no venv in this Python; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes --use-pep517 -r requirements.txt
	@touch $(READY)
