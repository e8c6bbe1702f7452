# SPDX-License-Identifier: GPL-2.0
# A real compositor: see testing/weston. The Makefile sets BASE.

.PHONY: weston

weston:
	@scripts/setup weston
	@$(MAKE) --no-print-directory kernel
	@testing/weston/run build/$(BASE)
