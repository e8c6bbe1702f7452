# SPDX-License-Identifier: GPL-2.0
# The kernel that the series is for; LINUX=DIR or LINUX=TARBALL is that kernel, if it is
# not to be fetched.
BASE ?= 7.3
LINUX ?=
export BASE LINUX

B := build/$(BASE)

define HELP
The two commands:
  make demo        show what a consumer is told and what a display shows, in a stock kernel
                   and in ours
  make check       run every test there is

Each of them installs the tools that it needs (make setup), gets the kernel and builds
it. What the series consists of:
  make tree        compose $(B)/linux: the kernel, and a commit per entry of series/
  make import      write the commits in $(B)/linux back into this repository
  make kernel      build $(B)/uml/linux with the series, and $(B)/uml-pristine/linux without
  make kernel-off  build $(B)/uml-off/linux: with the series, which is configured off
  make kernel-sleep  build $(B)/uml-sleep/linux: with the series, able to suspend

The parts of make check; each of them says what it found, and where its log is:
  make tree-check  the tools of the tree, and that composing and importing are inverse
  make uml-check   scripts/uml-run notices what it promises to notice
  make kunit       KUnit tests of the helper, configured on and off
  make selftest    kselftest in a kernel with the series, and that it skips elsewhere
  make compliance  v4l2-compliance: what passes in a stock kernel passes in ours
  make hantro      the hantro driver on models of its hardware, in a stock kernel and in ours
  make rga         the rockchip-rga driver likewise
  make consumer-check  displays, compositors and other consumers, in a stock kernel and in ours
  make checkpatch  checkpatch --strict on every commit
  make lint-quick  messages, recipients, kernel-doc, and misuse of the interface by drivers
  make build-each  build every commit, configured on and off, without a new warning
  make arm64       build it all for arm64: no new warning of gcc, clang or sparse

To send it:
  make series      write the mails, with a cover letter, to $(B)/series;
                   TOPIC="fixes rga-fixes" cuts topics out, V=N is the version
  make send-dry-run  send them with git send-email to nobody, and show who would get what
  make series-check  the tools for that; a part of make check, too

For those who ship it, or test it elsewhere:
  make quilt       patches for a distribution's package; TOPIC="..." for a part of them
  make quilt-check  that quilt, dpkg-source and patch take them
  make deb-arm64   build a Debian kernel package with the option on, and look into it
  make objects     with the option off the object code is the same; what it costs if on;
                   a part of make check, too
  make qemu        kselftest in QEMU, x86-64 and arm64, says what it says in UML

What takes longer:
  make consumer    more than 10,000 frames on a display, in each kernel: none is wrong in ours
  make bench       what fences cost and save: a table of ratios
  make weston      the compositor weston shows frames: wrong ones, its system calls, pictures

  make lint        what maintainers and their CI check, commit by commit; this takes hours
  make m2m-drivers list the kernel's mem2mem drivers, and what keeps each from opting in

  make setup       install the tools that are missing
  make clean       remove build/, if all work in it has been imported

BASE=$(BASE) is the kernel; LINUX=DIR or LINUX=TARBALL uses one of your own.
endef

.PHONY: help setup kernel-off demo check selftest compliance hantro rga checkpatch build-each \
	arm64 consumer consumer-check clean
.DEFAULT_GOAL := help

# What a target starts uses all processors itself.
.NOTPARALLEL:

include $(sort $(wildcard scripts/*.mk))

help:
	$(info $(HELP))
	@:

setup:
	@scripts/setup check

# The kernel with the series is copied, so that little is left to build.
kernel-off: kernel
	@exec 8>$(B)/uml-off.lock && flock 8 && \
	if [ ! -e $(B)/uml-off ]; then \
		rm -rf $(B)/uml-off.tmp && cp -a $(B)/uml $(B)/uml-off.tmp && \
		mv $(B)/uml-off.tmp $(B)/uml-off; \
	fi && scripts/kernel-build --config testing/fences-off.config $(B)/linux $(B)/uml-off

$(B)/demo/consumer: testing/demo/consumer.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -o $@ $<

demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory kernel-off $(B)/demo/consumer
	@testing/demo/run $(B)

check:
	@scripts/setup check
	@scripts/check

selftest compliance hantro rga checkpatch build-each arm64:
	@scripts/check $@

# All of it; consumer-check is the part in make check.
consumer:
	@scripts/setup demo
	@$(MAKE) --no-print-directory kernel-off
	@testing/consumer/run $(B) many

consumer-check:
	@scripts/check consumer

clean:
	@scripts/clean
