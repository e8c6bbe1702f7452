# SPDX-License-Identifier: GPL-2.0
"""For programs of which one knows what another one needs."""

import importlib.machinery
import importlib.util
import os

SCRIPTS = os.path.dirname(os.path.realpath(__file__))


def load(name):
    """scripts/NAME, as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(SCRIPTS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
