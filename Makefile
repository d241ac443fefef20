# SPDX-License-Identifier: Apache-2.0
#
# make              build into build/
# make try          install what is missing, build, and run a first sandbox
# make check        install what the tests need, and run all of them
# make kernel      build the kernels of the sentry and microvm walls: minutes, once
# make install      program, helpers, manual pages, completions, recipes; PREFIX=/usr/local
# make deb          a Debian package, with the kernels that were built; apt install ./brig_*.deb
# make bench        measure against other sandboxes, and write the table
# make fuzz         a short run of every fuzz target; FUZZ_TIME=20 seconds each
# make format       the look of the house

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
FUZZ_TIME ?= 20
# what an ordinary user's tests and trials run: a tree as 'make install' makes it
STAGE := $(BUILD)/stage
SETUP := meson setup --prefix $(PREFIX)
QUIET := >/dev/null
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

.PHONY: all build kernel stage sanitized try check install deb bench fuzz format clean

all: build

# The prefix is part of the program: another one is another set-up.
$(BUILD)/build.ninja: | $(BUILD)/.prefix-$(subst /,_,$(PREFIX))
$(BUILD)/.prefix-%:
	@scripts/deps.sh --check build
	@mkdir -p $(BUILD) && rm -f $(BUILD)/.prefix-*
	@if [ -f $(BUILD)/build.ninja ]; then meson configure -Dprefix=$(PREFIX) $(BUILD); \
	else $(SETUP) $(BUILD) $(QUIET); fi
	@touch $@

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet | sed '/no work to do/d'

stage: build
	@rm -rf $(STAGE)
	@DESTDIR=$(abspath $(STAGE)) meson install -C $(BUILD) --no-rebuild --quiet
	@scripts/install-kernels.sh $(BUILD) $(STAGE)$(PREFIX)
	@ln -sfn .$(PREFIX) $(STAGE)/prefix

# The guests' kernels, for the walls that bring one. Minutes, once; then they are kept.
kernel:
	@scripts/deps.sh kernel
	@mkdir -p $(BUILD)
	@for each in uml microvm; do \
		install -m 755 "$$(kernel/build.sh $$each)/kernel" $(BUILD)/linux-$$each || exit 1; \
	done

sanitized:
	@[ -f $(BUILD)-asan/build.ninja ] || meson setup $(BUILD)-asan \
		-Db_sanitize=address,undefined $(QUIET)
	@ninja -C $(BUILD)-asan --quiet | sed '/no work to do/d'

try:
	@scripts/deps.sh build run
	@$(MAKE) --no-print-directory stage
	@test/try.sh $(STAGE)/prefix/bin/brig

check:
	@scripts/deps.sh build run test kernel
	@kernel/build.sh uml >/dev/null || echo "the sentry wall will be skipped: no kernel for it"
	@$(MAKE) --no-print-directory stage sanitized
	@test/run.sh $(STAGE)/prefix $(BUILD)-asan

install: build
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet
	@scripts/install-kernels.sh $(BUILD) $(DESTDIR)$(PREFIX)
	@echo "brig is in $(DESTDIR)$(PREFIX)/bin"

# Its prefix is /usr, hence a build of its own.
deb:
	@scripts/deps.sh --check build
	@[ -f $(BUILD)-deb/build.ninja ] || meson setup --prefix /usr --buildtype release \
		$(BUILD)-deb $(QUIET)
	@ninja -C $(BUILD)-deb --quiet | sed '/no work to do/d'
	@deb=$$(scripts/deb.sh $(BUILD)-deb | tee /dev/stderr | tail -n 1) && cp "$$deb" . && \
		echo "apt install ./$${deb##*/}"

bench:
	@scripts/deps.sh build run bench
	@$(MAKE) --no-print-directory stage
	@bench/run.sh --write $(STAGE)/prefix
	@[ $$(id -u) != 0 ] || bench/gate.sh --write $(STAGE)/prefix
	@[ $$(id -u) != 0 ] || bench/workloads.sh --write $(STAGE)/prefix

fuzz:
	@scripts/deps.sh build test
	@[ -f $(BUILD)-fuzz/build.ninja ] || CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false $(QUIET)
	@ninja -C $(BUILD)-fuzz --quiet | sed '/no work to do/d'
	@test/fuzz.sh $(BUILD)-fuzz $(FUZZ_TIME)

format:
	@find src kernel bench -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz $(BUILD)-deb
