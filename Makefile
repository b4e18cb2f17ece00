# SPDX-License-Identifier: GPL-3.0-or-later
# make | check-fast | check | san | fuzz | bench | format | install | deb | clean;  CC=clang works too
VERSION := 0.1.0
PREFIX  ?= /usr/local
BUILD   ?= build
CFLAGS  ?= -O2 -g
PKGS    := blkid smartcols zlib ext2fs com_err libntfs-3g libzstd nettle jansson yaml-0.1 libseccomp
LOADED  := libarchive mount # opened when they are used (core/library.h)
WARN    := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -ffile-prefix-map=$(CURDIR)=. $(WARN) $(shell pkg-config --cflags $(PKGS) $(LOADED)) \
	-DBERTH_VERSION='"$(VERSION)"' -DBERTH_DATA='"$(PREFIX)/share/berth"' -DBERTH_LIBEXEC='"$(PREFIX)/libexec/berth"' $(CFLAGS)
LIBS    = $(shell pkg-config --libs $(PKGS)) -lpthread -ldl
SAN     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

LIB_SRC := $(filter-out src/cli/main.c src/preload/%,$(wildcard src/*/*.c))
CLI_SRC := src/cli/main.c
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o)
# unit tests, and the programs that other tests run: all in $(BUILD)/tests
TEST_SRC := $(wildcard tests/unit/*.c tests/cases/*.c tests/boot/*.c tests/bench/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
TESTS   := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(TEST_SRC)))
FUZZ    := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(FUZZ_SRC)))
# each fuzzer's entry with a plain main, for the seeds
REPLAY  := $(FUZZ:$(BUILD)/tests/fuzz_%=$(BUILD)/tests/replay_%)
vpath %.c $(sort $(dir $(TEST_SRC) $(FUZZ_SRC)))
FORMAT  := $(wildcard src/*/*.[ch] tests/*/*.[ch])
DATADIR  = $(DESTDIR)$(PREFIX)/share
# where a system's zsh and fish look for what packages bring, and for what is installed beside them
ZSHDIR  := $(if $(filter /usr,$(PREFIX)),zsh/vendor-completions,zsh/site-functions)
FISHDIR := fish/vendor_completions.d

# what is preloaded into tools (src/preload): never with a sanitizer, which a tool has not
PRELOAD     := $(BUILD)/berth-overlay.so
PRELOAD_SRC := src/preload/overlay.c src/block/overlay_store.c

all: $(BUILD)/berth $(PRELOAD)

$(PRELOAD): $(PRELOAD_SRC) src/block/overlay_store.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -Isrc $(WARN) -O2 -g -fPIC -fvisibility=hidden -shared -o $@ $(PRELOAD_SRC)

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

tests: all $(TESTS) $(REPLAY)
fuzzers: $(FUZZ)

# every test, the boot tests in QEMU included
check:
	scripts/check

# unit and command tests, no QEMU, under a minute
check-fast: tests
	scripts/run-tests $(BUILD) -n 2 --dist loadscope tests/cases

# the unit and command tests under AddressSanitizer and UndefinedBehaviorSanitizer
san:
	$(MAKE) BUILD=$(BUILD)-san CFLAGS="$(SAN)" tests
	BERTH_PROPERTY=$${BERTH_PROPERTY:-40} scripts/run-tests $(BUILD)-san -n 2 --dist loadscope tests/cases

# a fuzzer for every parser; scripts/fuzz runs them all
fuzz:
	$(MAKE) CC=clang BUILD=$(BUILD)-fuzz CFLAGS="$(SAN) -fsanitize=fuzzer-no-link" LDFLAGS=-fsanitize=fuzzer fuzzers

bench: tests
	scripts/bench $(BUILD)

format:
	clang-format -i $(FORMAT)

check-format:
	clang-format --dry-run --Werror $(FORMAT)

install: all
	install -D -m 755 $(BUILD)/berth $(DESTDIR)$(PREFIX)/bin/berth
	install -D -m 755 $(PRELOAD) $(DESTDIR)$(PREFIX)/libexec/berth/berth-overlay.so
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
	scripts/make-deb $(BUILD)/deb $(VERSION) $(BUILD)/berth_$(VERSION)_amd64.deb

clean:
	rm -rf $(BUILD) $(BUILD)-san $(BUILD)-fuzz $(BUILD)-clang

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(wildcard $(BUILD)/tests/*.d)
.PHONY: all tests fuzzers check check-fast san fuzz bench format check-format install deb clean
.SECONDARY:
