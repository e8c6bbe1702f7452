# SPDX-License-Identifier: GPL-2.0
# What a maintainer would check before applying: see scripts/lint. The Makefile sets BASE.

.PHONY: lint lint-quick m2m-drivers

lint: tree
	@scripts/setup check lint-long
	@scripts/lint

lint-quick: tree
	@scripts/setup lint
	@scripts/lint quick

# What stands between the mem2mem drivers and opting in.
m2m-drivers: tree
	@scripts/m2m-drivers build/$(BASE)/linux
