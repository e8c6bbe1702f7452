# SPDX-License-Identifier: GPL-2.0
# What the series costs and saves: see testing/bench. The Makefile sets BASE.

.PHONY: bench bench-kernels

bench:
	@scripts/setup bench
	@$(MAKE) --no-print-directory bench-kernels
	@testing/bench/run build/$(BASE)

# What makes a mistake visible takes more time than all that is measured: kernels without it.
bench-kernels: tree
	@scripts/kernel-build --no-debug --config testing/uml/series.config \
		build/$(BASE)/linux build/$(BASE)/uml-bench
	@scripts/kernel-build --no-debug --config testing/fences-off.config \
		build/$(BASE)/linux build/$(BASE)/uml-bench-off
	@scripts/tree pristine
	@scripts/kernel-build --no-debug build/$(BASE)/pristine/linux \
		build/$(BASE)/pristine/uml-bench
