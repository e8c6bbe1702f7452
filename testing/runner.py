# SPDX-License-Identifier: GPL-2.0
"""What the run programs of testing/ share: programs in kernels, and their results as TAP."""

import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

Outcome = collections.namedtuple("Outcome", "status output log seen")
lock = threading.Lock()
count = failed = 0


def result(good, what, more=""):
    global count, failed
    with lock:
        count += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {count} - {what}")
        for line in more.rstrip().split("\n"):
            if line:
                print(f"#   {line}")
        sys.stdout.flush()


def note(text):
    with lock:
        print("# " + text, flush=True)


class Build:
    """A build directory, and the programs of testing/NAME in it."""

    name = None
    load = 'exec "$@"'	# what comes before a program

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.out = f"{self.path}/{self.name}"
        self.kernels = {"series": f"{self.path}/uml", "sleep": f"{self.path}/uml-sleep",
                        "stock": f"{self.path}/pristine/uml"}
        os.makedirs(self.out, exist_ok=True)

    def programs(self):
        headers = f"{self.path}/kselftest"
        for command in ([f"{TOP}/scripts/kernel-headers", f"{self.path}/linux", headers],
                        ["make", "-s", "-C", f"{TOP}/testing/{self.name}", f"OUT={self.out}",
                         f"KHDR={headers}/usr/include",
                         f"KSFT={self.path}/linux/tools/testing/selftests"]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False)
            if done.returncode or "warning:" in done.stdout:
                result(False, "the programs are built without a warning", done.stdout)
                return False
        return True

    def boot(self, kernel, name, args, timeout, until=None, expect=(), env=None):
        """Boot a kernel for one command; ends early when `until` is in its output or log."""
        place = self.kernels[kernel]
        log = f"{self.out}/{kernel}-{name}.log"
        command = [f"{TOP}/scripts/uml-run", "--timeout", str(timeout), "--log", log,
                   "--dtb", f"{place}/models/board.dtb", "--append", "fw_devlink=off",
                   *(["--cpus", "1"] if kernel == "sleep" else []),	# it has no SMP
                   *(f"--expect={e}" for e in expect),
                   f"{place}/linux", "--", "sh", "-c", self.load, "sh", *args]
        seen = None
        # The programs are here; what they print, next to the kernel's log.
        with open(f"{self.out}/{kernel}-{name}.out", "w+b") as out:
            open(log, "wb").close()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, cwd=self.out,
                                     env={**os.environ, **(env or {})})
            try:
                done = None
                while done is None and not seen:
                    time.sleep(0.1)
                    done = child.poll()
                    if until:
                        seen = until.search(read(out.name)) or until.search(read(log))
            finally:
                if child.poll() is None:
                    child.terminate()
                child.wait()
            return Outcome(child.returncode, read(out.name), read(log), seen)


def read(path):
    with open(path, "rb") as f:
        return f.read().decode(errors="replace").replace("\r", "")


def tap(output):
    """[(ok, the rest of its line)], and what was planned"""
    plan = re.search(r"^1\.\.(\d+)", output, re.M)
    found = re.findall(r"^(ok|not ok) \d+ -? ?(.*)$", output, re.M)
    return [(ok == "ok", more) for ok, more in found], int(plan[1]) if plan else -1


def report(title, outcome):
    """One result per test of a program, and one for its kernel."""
    tests, planned = tap(outcome.output)
    for good, more in tests:
        result(good and "# SKIP" not in more, f"{title}: {more}")
    if planned != len(tests) or not tests:
        result(False, f"{title}: {len(tests)} of {planned} tests reported",
               outcome.output[-2000:])
    clean = outcome.status in (0, 1)
    result(clean, f"{title}: the kernel has nothing to report",
           "" if clean else f"status {outcome.status}\n" + "\n".join(
               line for line in outcome.output.split("\n") if not line.startswith("ok "))[-4000:])


def write_table(path, lines):
    widths = [max(map(len, column)) for column in zip(*lines)]
    with open(path, "w", encoding="utf-8") as f:
        for line in lines:
            f.write("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() + "\n")
    note(f"the table is {os.path.relpath(path)}")


def later(function):
    """Not in the pool: it waits for what is in there."""
    thread = concurrent.futures.ThreadPoolExecutor(1)
    job = thread.submit(function)
    thread.shutdown(wait=False)
    return job


def fails(build, program, name, how, seconds=20):
    """A test in the stock kernel. Its line, or the kernel's report, ends the boot."""
    until = re.compile(rf"^not ok 1 - .*(?:{how}).*"
                       rf"|^(?=.*(?:BUG|WARNING|Kernel panic)).*(?:{how}).*"
                       rf"|^not ok 1 - .*", re.M)
    outcome = build.boot("stock", name, [program, "-t", str(seconds), name], 90, until)
    line = outcome.seen[0].strip() if outcome.seen else ""
    line = re.sub(r"^not ok 1 - \S+ ?|^(<\d+>)?\[[^]]*\](\[[^]]*\])? *", "", line)
    result(bool(re.search(how, line)), f"stock: {name} fails as it should: {line}",
           "" if re.search(how, line) else f"not in the expected way ({how}); status "
           f"{outcome.status}\n{outcome.output[-2000:]}")


def cases(build, pool):
    def one(program):
        outcome = build.boot("series", program, [f"./{program}"], 1200,
                             env={"VB2_FENCES_STRICT": "1"})
        report(f"series: {program}", outcome)

    for program in "cases", "cases_teardown", "cases_stress":
        yield pool.submit(one, program)


def sleep(build, pool):
    def one():
        report("sleep", build.boot("sleep", "faults", ["./faults", "-f", "sleep"], 600))

    yield pool.submit(one)


def main(kind, parts, usage, more=None):
    """more: the parts that have to be asked for."""
    more = more or {}
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(parts) - set(more):
        sys.exit(usage.strip())
    build = kind(sys.argv[1])
    print("TAP version 13")
    if build.programs():
        # Two kernels at a time; what takes longest comes first.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [job for name, part in {**parts, **more}.items()
                    if name in (sys.argv[2:] or parts)
                    for job in part(build, pool)]
            for job in jobs:
                try:
                    job.result()
                except Exception as e:	# one part must not hide the others
                    result(False, f"the test itself: {e!r}")
    print(f"1..{count}")
    return bool(failed)
