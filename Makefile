# Tintype: the one entry. `make help` lists the targets.
#
# Every .c file of the folders in PARTS goes into one archive; cmd/main.c and
# each tests/*/test_*.c make a program of it. B= picks the build kind:
#   release  -O2, hardened           asan  -O1, ASan + UBSan, warnings fatal
#   tsan     -O1, ThreadSanitizer    fuzz  clang, libFuzzer + ASan
SHELL := /bin/bash
B ?= release
O := build/$(B)
PARTS := base io model store api telegram comfy bot backend worker cmd sandbox
PREFIX ?= /usr/local
VERSION := 0.1.0

PKGS := libcurl libmicrohttpd libpq sqlite3 openssl libcjson yaml-0.1 gdlib
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lhiredis -lpthread -lm

WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wformat=2 \
  -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith \
  -Wcast-qual -Wwrite-strings
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -I. -Ibuild/gen $(WARN) -fno-strict-aliasing \
  -DTINTYPE_VERSION='"$(VERSION)"' -MMD -MP
CFLAGS_release := -O2 -g1 -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer -Werror
CFLAGS_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_fuzz := -fsanitize=address,undefined,fuzzer
ifeq ($(B),fuzz)
CC := clang
else
CC := gcc
endif
ALL_CFLAGS = $(BASE_CFLAGS) $(CFLAGS_$(B)) $(PKG_CFLAGS) $(CFLAGS)

SRCS := $(filter-out cmd/main.c,$(wildcard $(addsuffix /*.c,$(PARTS))))
OBJS := $(SRCS:%.c=$(O)/%.o)
LIB := $(O)/libtintype.a
BIN := $(O)/tintype
TEST_SUPPORT := $(wildcard tests/support/*.c)
TEST_SUPPORT_OBJS := $(TEST_SUPPORT:%.c=$(O)/%.o)
TEST_SRCS := $(wildcard tests/unit/test_*.c tests/io/test_*.c tests/system/test_*.c)
TESTS := $(TEST_SRCS:%.c=$(O)/%)
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
# the fuzz targets again, each with a main that replays its corpus
REPLAYS := $(FUZZ_SRCS:tests/fuzz/%.c=$(O)/tests/replay/%)
GEN := build/gen/migrations.inc

.PHONY: all run demo test lint format bench asan tsan tests clean help install deps \
  print-cflags
.DEFAULT_GOAL := all

all: deps $(BIN) ## build ./build/release/tintype
	@ln -sfn $(BIN) tintype

deps: ## install missing Debian packages by name (root or sudo)
	@tools/deps

run: all ## build and start everything with embedded defaults
	@./tintype up

demo: all ## one job from photo to picture through all parts; prints its path
	@./tintype demo

test: deps ## build with sanitizers and run all tests
	@tests/run

asan: ; @$(MAKE) B=asan tests ## build program and tests with ASan + UBSan
tsan: ; @$(MAKE) B=tsan tests ## build program and tests with ThreadSanitizer
tests: $(BIN) $(TESTS) $(REPLAYS)

lint: deps ## layers, headers that stand alone, clang-tidy, cppcheck
	@tools/lint

print-cflags: ; @echo $(PKG_CFLAGS)

format: ## clang-format over the C sources
	@clang-format -i $(wildcard $(addsuffix /*.[ch],$(PARTS)) tests/*/*.[ch])

bench: all ## benchmarks: ratios in one run
	@bench/run

fuzz-%: ## fuzz one parser: make fuzz-json [SECONDS_=60]
	@$(MAKE) B=fuzz build/fuzz/tests/fuzz/fuzz_$*
	@mkdir -p tests/fuzz/corpus/$* && build/fuzz/tests/fuzz/fuzz_$* \
	  -max_total_time=$(or $(SECONDS_),60) build/fuzz/corpus-$* tests/fuzz/corpus/$*

install: all ## install under DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/tintype
	mkdir -p $(DESTDIR)$(PREFIX)/share/tintype
	cp -r presets $(DESTDIR)$(PREFIX)/share/tintype/

clean: ## remove build/
	rm -rf build tintype

help: ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN): $(O)/cmd/main.o $(LIB)
	@echo "  LD $@"; $(CC) $(LDFLAGS_$(B)) -o $@ $^ $(PKG_LIBS)

$(LIB): $(OBJS)
	@rm -f $@; ar rcs $@ $^

$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(LIB)
	@mkdir -p build/fuzz/corpus-$*; $(CC) $(LDFLAGS_$(B)) -o $@ $^ $(PKG_LIBS)

$(TESTS): $(O)/tests/%: $(O)/tests/%.o $(TEST_SUPPORT_OBJS) $(LIB)
	@echo "  LD $@"; $(CC) $(LDFLAGS_$(B)) -o $@ $^ $(PKG_LIBS) -lcmocka

$(REPLAYS): $(O)/tests/replay/%: $(O)/tests/fuzz/%.o \
  $(O)/tests/fuzz/replay_main.o $(LIB)
	@mkdir -p $(@D); echo "  LD $@"; $(CC) $(LDFLAGS_$(B)) -o $@ $^ $(PKG_LIBS)

$(O)/bench/bench $(O)/bench/create: $(O)/bench/%: $(O)/bench/%.o $(LIB) | $(BIN)
	@echo "  LD $@"; $(CC) $(LDFLAGS_$(B)) -o $@ $< $(LIB) $(PKG_LIBS)

# The archive wants every object, so a file that is new is picked up by the
# next make; objects depend on headers through the .d files.
$(O)/%.o: %.c $(GEN)
	@mkdir -p $(@D); echo "  CC $<"; $(CC) $(ALL_CFLAGS) -c -o $@ $<

build/gen/migrations.inc: $(wildcard migrations/*.sql) tools/embed
	@mkdir -p $(@D); tools/embed migrations/*.sql > $@.tmp && mv $@.tmp $@

-include $(OBJS:.o=.d) $(O)/cmd/main.d $(TESTS:=.d) $(TEST_SUPPORT_OBJS:.o=.d) \
  $(FUZZ_SRCS:%.c=$(O)/%.d) $(O)/tests/fuzz/replay_main.d
