# SPDX-License-Identifier: GPL-2.0
# For those who ship a kernel, or test one: see scripts/objects, scripts/quilt, testing/distro and
# testing/qemu. The Makefile sets BASE.

.PHONY: objects quilt quilt-check deb-arm64 qemu

objects: tree
	@scripts/setup check
	@scripts/objects

quilt: tree
	@$(tree-env) scripts/quilt $(TOPIC)

quilt-check: tree
	@scripts/setup distro
	@testing/distro/patches build/$(BASE)

deb-arm64: tree
	@scripts/setup distro
	@testing/distro/deb build/$(BASE)

qemu: kernel deb-arm64
	@scripts/setup distro qemu
	@testing/qemu/run build/$(BASE)
