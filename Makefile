# SPDX-License-Identifier: GPL-3.0-or-later
# make | check-fast | check | san | fuzz | bench | format | install | deb | clean;  CC=clang works too
VERSION := 0.1.0
PREFIX  ?= /usr/local
BUILD   ?= build
CFLAGS  ?= -O2 -g
PKGS    := blkid smartcols zlib ext2fs com_err libntfs-3g libzstd nettle jansson yaml-0.1
LOADED  := libarchive mount # opened when they are used (core/library.h)
WARN    := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -I$(BUILD)/include -ffile-prefix-map=$(CURDIR)=. $(WARN) $(shell pkg-config --cflags $(PKGS) $(LOADED)) \
	-DBERTH_VERSION='"$(VERSION)"' -DBERTH_DATA='"$(PREFIX)/share/berth"' -DBERTH_LIBEXEC='"$(PREFIX)/libexec/berth"' $(CFLAGS)
LIBS    = $(shell pkg-config --libs $(PKGS)) -lpthread -ldl
SAN     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

LIB_SRC := $(filter-out src/cli/main.c src/hypervisor/main.c src/engine/keeper_main.c src/preload/%,$(wildcard src/*/*.c))
CLI_SRC := src/cli/main.c
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# static, for guests without libraries
GUEST_SRC := tests/bench/block_load.c tests/boot/udp_echo.c
GUEST_BIN := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(GUEST_SRC)))
# unit tests, and the programs that other tests run: all in $(BUILD)/tests
# stands in for a tool, which has no sanitizer
TOOL_SRC := tests/cases/jailed_tool.c
TEST_SRC := $(filter-out $(GUEST_SRC) $(TOOL_SRC),$(wildcard tests/unit/*.c tests/cases/*.c tests/boot/*.c tests/bench/*.c tests/guests/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
TESTS   := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(TEST_SRC)))
FUZZ    := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(FUZZ_SRC)))
# each fuzzer's entry with a plain main, for the seeds
REPLAY  := $(FUZZ:$(BUILD)/tests/fuzz_%=$(BUILD)/tests/replay_%)
# tiny kernels that test the monitor from inside
GUEST_DIR := tests/guests/kernels
# what they share
GUEST_LIB := $(addprefix $(GUEST_DIR)/,guest.c disk.c processors.c trampoline.S)
GUESTS  := $(patsubst $(GUEST_DIR)/%.c,$(BUILD)/tests/guests/%,$(filter-out $(GUEST_LIB),$(wildcard $(GUEST_DIR)/*.c)))
vpath %.c $(sort $(dir $(TEST_SRC) $(FUZZ_SRC)))
FORMAT  := $(wildcard src/*/*.[ch] tests/*/*.[ch] tests/guests/kernels/*.[ch])
DATADIR  = $(DESTDIR)$(PREFIX)/share
# where a system's zsh and fish look for what packages bring, and for what is installed beside them
ZSHDIR  := $(if $(filter /usr,$(PREFIX)),zsh/vendor-completions,zsh/site-functions)
FISHDIR := fish/vendor_completions.d

# what is preloaded into tools (src/preload): never with a sanitizer, which a tool has not
PRELOAD     := $(BUILD)/berth-overlay.so
PRELOAD_SRC := $(wildcard src/preload/*.c) \
	$(addprefix src/core/,err.c filter.c jail.c jail_calls.c jail_fds.c landlock.c overlay_store.c privilege.c)

# the monitor: static, of its own folder and a little of core; never with a sanitizer
MONITOR     := $(BUILD)/berth-monitor
MONITOR_SRC := $(wildcard src/hypervisor/*.c) \
	$(addprefix src/core/,err.c filter.c io.c jail_fds.c landlock.c overlay_store.c privilege.c)
MONITOR_OBJ := $(MONITOR_SRC:%.c=$(BUILD)/monitor/%.o)
# who looks after a guest of the monitor's: as small
KEEPER      := $(BUILD)/berth-keeper
KEEPER_SRC  := $(addprefix src/engine/,keeper_main.c keeper_state.c supervise.c console.c hub.c leave.c listener.c engine.c engine_control.c) \
	$(addprefix src/core/,err.c io.c handover.c)
KEEPER_OBJ  := $(KEEPER_SRC:%.c=$(BUILD)/monitor/%.o)
# the same for a test, which tries what its sandbox must deny
PROBE       := $(BUILD)/berth-monitor-probe
PROBE_OBJ   := $(filter-out %/sandbox.o,$(MONITOR_OBJ)) $(BUILD)/probe/src/hypervisor/sandbox.o $(BUILD)/probe/tests/sandbox/probe.o
DSDT        := $(BUILD)/include/hypervisor/dsdt.h

all: $(BUILD)/berth $(PRELOAD) $(MONITOR) $(KEEPER)

$(PRELOAD): $(PRELOAD_SRC) $(wildcard src/preload/*.h src/core/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -Isrc $(WARN) -O2 -g -fPIC -fvisibility=hidden -shared -o $@ $(PRELOAD_SRC)

$(MONITOR): $(MONITOR_OBJ)
$(KEEPER): $(KEEPER_OBJ)
$(PROBE): $(PROBE_OBJ)
$(MONITOR) $(KEEPER) $(PROBE):
	$(CC) -O2 -g -static-pie -o $@ $^

define compile_monitor
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -I$(BUILD)/include -ffile-prefix-map=$(CURDIR)=. $(WARN) \
		-O2 -g -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -MMD -MP -c -o $@ $<
endef
$(BUILD)/monitor/%.o: %.c
	$(compile_monitor)
$(BUILD)/probe/%.o: %.c
	$(compile_monitor) -DSANDBOX_PROBE

$(BUILD)/src/hypervisor/acpi.o $(BUILD)/monitor/src/hypervisor/acpi.o: $(DSDT)
$(DSDT): src/hypervisor/dsdt.asl src/hypervisor/machine.h
	@mkdir -p $(@D)
	$(CC) -E -P -x c -Isrc/hypervisor -o $(@D)/dsdt.i src/hypervisor/dsdt.asl
	iasl -vs -va -p $(@D)/dsdt -tc $(@D)/dsdt.i >$(@D)/dsdt.log || { cat $(@D)/dsdt.log; exit 1; }
	mv $(@D)/dsdt.hex $@

$(BUILD)/berth: $(CLI_OBJ) $(BUILD)/libberth.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libberth.a $(LIBS)

$(BUILD)/libberth.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

define compile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endef
$(BUILD)/tests/%.o: %.c
	$(compile)
$(BUILD)/%.o: %.c
	$(compile)

$(TESTS) $(FUZZ): %: %.o $(BUILD)/libberth.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libberth.a $(LIBS) -lcmocka

$(REPLAY): $(BUILD)/tests/replay_%: $(BUILD)/tests/fuzz_%.o $(BUILD)/tests/replay.o $(BUILD)/libberth.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(GUESTS): $(BUILD)/tests/guests/%: $(GUEST_DIR)/%.c $(GUEST_LIB) $(wildcard $(GUEST_DIR)/*.h) $(GUEST_DIR)/link.ld src/hypervisor/machine.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -Isrc -I$(GUEST_DIR) $(WARN) -O1 -ffreestanding -fno-builtin -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
		-fno-stack-protector -nostdlib -static -Wl,-T,$(GUEST_DIR)/link.ld -Wl,--build-id=none -Wl,-z,noexecstack,--no-warn-rwx-segments \
		-Wl,-z,max-page-size=4096 -o $@ $(GUEST_LIB) $<

$(GUEST_BIN): $(BUILD)/tests/%: %.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARN) -O2 -static -o $@ $<

$(BUILD)/tests/jailed_tool: $(TOOL_SRC)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARN) -O2 -o $@ $<

# they pack what the program only unpacks
$(BUILD)/tests/test_kernel_payload $(BUILD)/tests/test_initrd: LIBS += -larchive

tests: all $(TESTS) $(REPLAY) $(GUESTS) $(PROBE) $(BUILD)/tests/jailed_tool $(GUEST_BIN)
fuzzers: $(FUZZ)

# every test, the boot tests in QEMU included
check:
	scripts/check

# unit and command tests, no QEMU, under a minute
check-fast: tests
	scripts/run-tests $(BUILD) -n 4 --dist loadscope tests/cases

san-tests:
	$(MAKE) BUILD=$(BUILD)-san CFLAGS="$(SAN)" tests

# the unit and command tests under AddressSanitizer and UndefinedBehaviorSanitizer
san: san-tests
	BERTH_PROPERTY=$${BERTH_PROPERTY:-40} BERTH_LAYOUTS=$${BERTH_LAYOUTS:-16} scripts/run-tests $(BUILD)-san -n 4 --dist loadscope tests/cases

# a fuzzer for every parser; scripts/fuzz runs them all
fuzz:
	$(MAKE) CC=clang BUILD=$(BUILD)-fuzz CFLAGS="$(SAN) -fsanitize=fuzzer-no-link" LDFLAGS=-fsanitize=fuzzer fuzzers

bench: tests
	scripts/bench $(BUILD)

# boot, memory and block devices of the monitor beside QEMU's, in an emulated machine with KVM
bench-vm: tests
	tests/bench/bench_vm $(BUILD)

format:
	clang-format -i $(FORMAT)

check-format:
	clang-format --dry-run --Werror $(FORMAT)

install: all
	install -D -m 755 $(BUILD)/berth $(DESTDIR)$(PREFIX)/bin/berth
	install -D -m 755 $(PRELOAD) $(DESTDIR)$(PREFIX)/libexec/berth/berth-overlay.so
	install -D -m 755 $(MONITOR) $(DESTDIR)$(PREFIX)/libexec/berth/berth-monitor
	install -D -m 755 $(KEEPER) $(DESTDIR)$(PREFIX)/libexec/berth/berth-keeper
	install -d $(DATADIR)/berth/recipes $(DATADIR)/man/man1
	install -m 644 src/images/recipes/*.yaml $(DATADIR)/berth/recipes
	install -m 644 docs/berth.1 $(DATADIR)/man/man1
	install -d $(DATADIR)/bash-completion/completions $(DATADIR)/$(ZSHDIR) $(DATADIR)/$(FISHDIR)
	$(BUILD)/berth completion bash >$(DATADIR)/bash-completion/completions/berth
	$(BUILD)/berth completion zsh >$(DATADIR)/$(ZSHDIR)/_berth
	$(BUILD)/berth completion fish >$(DATADIR)/$(FISHDIR)/berth.fish

# a package for this Debian, in build/; its prefix is /usr, so it is built apart
deb:
	$(MAKE) BUILD=$(BUILD)/deb PREFIX=/usr all
	+scripts/make-deb $(BUILD)/deb $(VERSION) $(BUILD)/berth_$(VERSION)_amd64.deb

clean:
	rm -rf $(BUILD) $(BUILD)-san $(BUILD)-fuzz $(BUILD)-clang

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(MONITOR_OBJ:.o=.d) $(KEEPER_OBJ:.o=.d) $(PROBE_OBJ:.o=.d) $(wildcard $(BUILD)/tests/*.d)
.PHONY: all tests fuzzers check check-fast san san-tests fuzz bench format check-format install deb clean
.SECONDARY:
