// SPDX-License-Identifier: GPL-2.0
/// Find drivers that opt in to the release fences of videobuf2 and never publish
/// one, or in a way that can keep others waiting for ever. What is asked of a
/// driver is in Documentation/driver-api/media/v4l2-release-fences.rst.
///
//# A driver is taken to be the files of one directory, since only they tell
//# whether a queue that has opted in ever attaches a fence, and whether there is
//# a timeout; not whether it is a good one. All else is looked for within one
//# function, and in what it calls in the same file. So what is behind a function
//# pointer, a macro or another file is not found, which includes all callers of a
//# function that attaches for other files.
///
// Confidence: Moderate
// Options: --no-includes --include-headers
// Requires: 1.1.0

virtual context
virtual org
virtual report

@initialize:python@
@@

import glob
import os
import re

ATTACHES = r"\b(vb2_buffer|v4l2_m2m)_attach_release_fence\s*\("
ARMS = r"(schedule|queue|mod)_delayed_work(_on)?$|(mod|add)_timer|hrtimer_start"
CANCELS = r"cancel_delayed_work|timer_delete|hrtimer_cancel"
# A KUnit test has no device that could get stuck.
BOUNDS = (r"\b((schedule|queue|mod)_delayed_work(_on)?|(mod|add)_timer(_on)?|hrtimer_start\w*"
          r"|wait_(for_completion|event)\w*_timeout\w*|kunit_test_suites?)\s*\(")
LOCKS = (r"(raw_)?(spin|read|write)_lock(_|$)|local_(irq|bh)_(disable|save)$|preempt_disable$"
         r"|rcu_read_lock")
UNLOCKS = (r"(raw_)?(spin|read|write)_unlock(_|$)|local_(irq|bh)_(enable|restore)$"
           r"|preempt_enable|rcu_read_unlock")
GUARDS = r"(raw_)?spinlock|(read|write)_lock|(irq|irqsave|preempt|rcu|bh)$"
# Also what takes a lock that is held elsewhere while memory is allocated.
WAITS = (r"(mutex_lock|down)(_|$)|dma_resv_lock|v4l2_ctrl_(find|request_(setup|complete))$"
         r"|pm_runtime_(get_sync|resume_and_get)$|clk_(bulk_)?prepare|vb2_plane_vaddr$"
         r"|(msleep|usleep_range|fsleep|schedule|synchronize_rcu)$|wait_(event|for_completion)"
         r"|kv?[mz]alloc_(obj|flex)|v[mz]alloc$")
HANDLERS = "(request_irq|request_threaded_irq|tasklet_init|tasklet_setup|timer_setup|hrtimer_setup)$"
COMMENT = r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"'

told = set()

def driver_has(position, what):
    for name in glob.glob(os.path.join(os.path.dirname(position.file), "*.[ch]")):
        with open(name, errors="replace") as f:
            if re.search(what, re.sub(COMMENT, " ", f.read(), flags=re.S)):
                return True
    return False

def same_block(begin, end):
    with open(begin.file, errors="replace") as f:
        code = "".join(f.readlines()[int(begin.line):int(end.line)])
    depth = 0
    for brace in re.findall("[{}]", code):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return True

def tell(position, message):
    # Several rules, or several instances of one, may find the same.
    if (position.file, position.line, message) not in told:
        told.add((position.file, position.line, message))
        show(position, message)

@initialize:python depends on context@
@@

show = lambda position, message: None

@initialize:python depends on org@
@@

show = coccilib.org.print_todo

@initialize:python depends on report@
@@

show = coccilib.report.print_report

// What attaches: fn itself, and what calls it.

@attach exists@
identifier fn != {vb2_buffer_attach_release_fence, v4l2_m2m_attach_release_fence};
position p;
@@

fn(...)
{
	... when any
	\(vb2_buffer_attach_release_fence@p\|v4l2_m2m_attach_release_fence@p\)(...)
	... when any
}

@called@
identifier A;
position attach.p;
@@

A@p(...)

// A queue opts in, and no fence is ever attached.

@opts_in@
expression q;
expression e != {0, false};
position p : script:python() { not driver_has(p[0], ATTACHES) };
@@

* q@p->supports_release_fences = e

@script:python@
p << opts_in.p;
@@

tell(p[0], "ERROR: the queue opts in to release fences, and the driver never attaches one")

// A fence is attached, and there is no timeout.

@unbounded exists@
identifier attach.fn, called.A;
position p : script:python() { not driver_has(p[0], BOUNDS) };
@@

fn(...)
{
	... when any
*	A@p(...)
	... when any
}

@script:python@
p << unbounded.p;
@@

tell(p[0], "ERROR: release fence attached, and the driver has no timeout")

// The result is not looked at.

@assigned depends on attach@
identifier ret;
expression e;
position p;
@@

ret@p = e

@used exists@
identifier called.A, ret;
expression e;
type T;
position p, other != assigned.p;
@@

(
ret = A@p(...);
|
T ret = A@p(...);
)
... when != ret = e
ret@other

@unused@
identifier called.A, ret;
type T;
position p != used.p;
@@

(
* A@p(...);
|
* (void)A@p(...);
|
* ret = A@p(...);
|
* T ret = A@p(...);
)

@script:python@
p << unused.p;
@@

tell(p[0], "ERROR: it is not checked whether the release fence could be attached")

// Attaching sleeps.

@locked exists@
identifier attach.fn, called.A;
identifier take : script:python() { bool(re.match(LOCKS, take)) };
identifier release : script:python() { bool(re.match(UNLOCKS, release)) };
position p, lock;
@@

take@lock(...)
... when != release(...)
* \(A@p\|fn@p\)(...)

@guards depends on attach@
identifier c : script:python() { bool(re.match(GUARDS, c)) };
position lock;
@@

guard@lock(c)(...);

@guarded exists@
identifier attach.fn, called.A;
position guards.lock;
position p : script:python(lock) { same_block(lock[0], p[0]) };
@@

guard@lock(...)(...);
... when any
* \(A@p\|fn@p\)(...)

@scoped exists@
iterator name scoped_guard;
identifier attach.fn, called.A;
identifier c : script:python() { bool(re.match(GUARDS, c)) };
position p;
@@

scoped_guard(c, ...) {
	<+...
*	\(A@p\|fn@p\)(...)
	...+>
}

@caller exists@
identifier attach.fn, called.A, h;
position p;
@@

h(...)
{
	... when any
	\(A@p\|fn@p\)(...)
	... when any
}

@handler@
identifier caller.h;
identifier f : script:python() { bool(re.match(HANDLERS, f)) };
identifier devm_f : script:python() { bool(re.match("devm_" + HANDLERS, devm_f)) };
expression e1, e2;
@@

(
f(e1, h, ...)
|
devm_f(e1, e2, h, ...)
)

@depends on handler && context@
identifier f;
position caller.p;
@@

* f@p(...)

@script:python@
p << locked.p;
lock << locked.lock;
@@

tell(p[0], "ERROR: release fence attached in atomic context since line %s" % lock[0].line)

@script:python@
p << guarded.p;
lock << guards.lock;
@@

tell(p[0], "ERROR: release fence attached in atomic context since line %s" % lock[0].line)

@script:python@
p << scoped.p;
@@

tell(p[0], "ERROR: release fence attached in atomic context, in a scoped_guard()")

@script:python depends on handler@
p << caller.p;
h << caller.h;
@@

tell(p[0], "ERROR: release fence attached in atomic context, by the handler %s()" % h)

// The timeout runs before the fence is attached.

@arming exists@
identifier called.A, kick;
identifier arm : script:python() { bool(re.match(ARMS, arm)) };
@@

kick(...)
{
	... when != A(...)
	arm(...)
	... when any
}

@armed exists@
identifier attach.fn, called.A;
identifier arm : script:python() { bool(re.match(ARMS, arm)) };
identifier cancel : script:python() { bool(re.match(CANCELS, cancel)) };
position p, timer;
@@

arm@timer(...)
... when != cancel(...)
* \(A@p\|fn@p\)(...)

@armed_by_call exists@
identifier attach.fn, called.A, arming.kick;
identifier cancel : script:python() { bool(re.match(CANCELS, cancel)) };
position p, timer;
@@

kick@timer(...)
... when != cancel(...)
* \(A@p\|fn@p\)(...)

@script:python@
p << armed.p;
timer << armed.timer;
@@

tell(p[0], "ERROR: release fence attached after the timeout is armed in line %s" % timer[0].line)

@script:python@
p << armed_by_call.p;
timer << armed_by_call.timer;
@@

tell(p[0], "ERROR: release fence attached after the timeout is armed in line %s" % timer[0].line)

// Nothing waits between the fence and the start of the device, which is over where
// the section for lockdep ends, or else at the end of the function. What is done
// when the fence could not be attached may wait.

@waiting exists@
identifier called.A, g;
identifier f : script:python() { bool(re.match(WAITS, f)) };
@@

g(...)
{
	... when != A(...)
	\(f(...)\|GFP_KERNEL\)
	... when any
}

@waits exists@
identifier called.A, ret;
identifier f : script:python() { bool(re.match(WAITS, f)) };
expression e;
statement S;
type T;
position p, start;
@@

(
if (\(A@start(...)\|A@start(...) < 0\)) S
|
ret = A@start(...);
... when != ret = e
if (\(ret\|ret < 0\)) S
|
T ret = A@start(...);
... when != ret = e
if (\(ret\|ret < 0\)) S
)
... when != dma_fence_end_signalling(...)
* \(f@p(...)\|GFP_KERNEL@p\)

@waits_in_call exists@
identifier called.A, waiting.g, ret;
expression e;
statement S;
type T;
position p, start;
@@

(
if (\(A@start(...)\|A@start(...) < 0\)) S
|
ret = A@start(...);
... when != ret = e
if (\(ret\|ret < 0\)) S
|
T ret = A@start(...);
... when != ret = e
if (\(ret\|ret < 0\)) S
)
... when != dma_fence_end_signalling(...)
* g@p(...)

@script:python@
p << waits.p;
start << waits.start;
@@

tell(p[0], "ERROR: waits for memory or others after the release fence is attached in line %s" % start[0].line)

@script:python@
p << waits_in_call.p;
start << waits_in_call.start;
@@

tell(p[0], "ERROR: waits for memory or others after the release fence is attached in line %s" % start[0].line)
