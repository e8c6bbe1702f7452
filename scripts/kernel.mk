# SPDX-License-Identifier: GPL-2.0
# The kernels to run it on: see scripts/kernel-build and scripts/uml-run. The Makefile sets BASE.

.PHONY: kernel kernel-sleep uml-check

kernel: tree
	@scripts/kernel-build --config testing/uml/series.config build/$(BASE)/linux build/$(BASE)/uml
	@scripts/tree pristine
	@scripts/kernel-build build/$(BASE)/pristine/linux build/$(BASE)/pristine/uml
	@ln -sfn pristine/uml build/$(BASE)/uml-pristine

kernel-sleep: tree
	@scripts/kernel-build --config testing/uml/series.config --config testing/sleep.config \
		build/$(BASE)/linux build/$(BASE)/uml-sleep

# Does uml-run notice what it promises to?
uml-check: kernel
	@testing/uml/selftest build/$(BASE)/uml-pristine/linux
