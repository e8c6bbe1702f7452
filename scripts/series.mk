# SPDX-License-Identifier: GPL-2.0
# The mails: see scripts/series and scripts/send-dry-run. The Makefile sets BASE and LINUX.
#   make series TOPIC="core opt-in" V=4     only these topics, as version 4

.PHONY: series send-dry-run series-check

series: tree
	@scripts/setup series
	@$(tree-env) scripts/series $(if $(V),-v $(V)) $(TOPIC)

send-dry-run: series
	@$(tree-env) scripts/send-dry-run

series-check: tree
	@scripts/setup series
	@testing/series/run build/$(BASE)/linux
