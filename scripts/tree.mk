# SPDX-License-Identifier: GPL-2.0
# The sparse kernel tree: see scripts/tree. The Makefile sets BASE and LINUX.

.PHONY: tree import tree-check

tree-env = command -v python3 >/dev/null || { echo 'python3 is missing; \
	install it with: apt-get install python3' >&2; exit 1; }; \
	BASE='$(BASE)' LINUX='$(LINUX)'

tree:
	@$(tree-env) scripts/tree compose

import:
	@$(tree-env) scripts/tree import

# The tools on a toy kernel; then the series itself, on the real one.
tree-check: tree
	@testing/tree/run
	@$(tree-env) scripts/tree verify
	@$(tree-env) scripts/debian-patches
