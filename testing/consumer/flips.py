# SPDX-License-Identifier: GPL-2.0
"""Where flips.c runs, and what it prints."""

import collections
import subprocess

import runner

COUNTS = "frames", "in flight", "right", "early", "stale", "blank", "half", "back"
HEAD = ("configuration", "ms", "fences", *COUNTS)


class Build(runner.Build):
    name = "consumer"
    load = 'modprobe -a models hold && modprobe -a hantro-vpu rockchip-rga && exec "$@"'

    def __init__(self, path):
        super().__init__(path)
        self.kernels["off"] = f"{self.path}/uml-off"

    @staticmethod
    def command(kernel, *args):
        """What the stock drivers do not have is left out there."""
        return ["./flips", *(["-s"] if kernel == "stock" else []), *args]

    def flips(self, kernel, name, timeout, *args):
        return self.boot(kernel, name, self.command(kernel, *args), timeout)

    def configurations(self, kernel):
        return subprocess.run(self.command(kernel, "-l"), cwd=self.out, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.splitlines()


class Counts(collections.Counter):
    @property
    def wrong(self):
        return self["frames"] - self["right"]

    def of(self):
        return f"{self.wrong} of {self['frames']}"


def rows(output):
    """{(configuration, ms): ("yes" or "no": it has fences, Counts)}"""
    found, lines = {}, [line.split("\t") for line in output.split("\n")]
    for cells in lines:
        if cells[0] != HEAD[0] and len(cells) == len(HEAD):
            row = dict(zip(HEAD, cells))
            found[row["configuration"], row["ms"]] = (
                row["fences"], Counts({n: int(row[n]) for n in COUNTS}))
    return found if list(HEAD) in lines else {}


def configurations(found):
    """{configuration: ({fences}, Counts)}, all job times together"""
    types = {}
    for (name, _), (fences, counts) in found.items():
        has, total = types.setdefault(name, (set(), Counts()))
        has.add(fences)
        total.update(counts)
    return types
