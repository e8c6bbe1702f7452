# SPDX-License-Identifier: GPL-2.0
# The KUnit tests of the series: see scripts/kunit-run. The Makefile sets BASE.

.PHONY: kunit

kunit: tree
	@scripts/kunit-run build/$(BASE)/linux build/$(BASE)/kunit
