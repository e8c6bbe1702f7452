/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of tests of a driver on models of its hardware. Every test is a process of its own,
 * named NODE.TEST. After each of them all nodes have to be bound and idle again, without a
 * clock, and their models must have seen nothing that hardware would not forgive.
 *
 * What the models are asked is in testing/hantro/submit.h, hs_knob_...().
 */
#ifndef MODELS_TESTS_H
#define MODELS_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include <linux/types.h>

#include "child.h"
#include "vb2_fences_util.h"

/* What takes longer than this hangs. */
#define STUCK_MS	VB2F_TIMEOUT_MS

struct hs_done;

struct test {
	const char *name;
	const char *nodes;
	void (*run)(void);
	const char *fault;
	const char *stock;	/* the nodes where a stock kernel fails, and how (regex) */
	const char *how;
	unsigned int flags;
};

#define FENCES		1	/* there is nothing to test without fences */
#define DEAF		2	/* the model is meant to write when it was to be stopped */
#define ALONE		4	/* only if asked for: not every kernel can do it, or it warns */
#define SURVIVES	8	/* a stock kernel fails, but can go on with the next test */

struct test_program {
	const char *name;
	const char *driver;		/* of the platform bus */
	const char *const *nodes;	/* by the names that the models have in debugfs */
	const char *fenced;		/* those that have release fences */
	int (*device)(const char *node, char *name, size_t size);
	const struct test *tests;	/* the last one has no name */

	/*
	 * For the tests of mem2mem.h, which fail in here if it goes wrong. A context is one of the
	 * test's node, and streams. A CAPTURE buffer is wiped before it is submitted, and has to
	 * contain then what the job makes of the OUTPUT buffer.
	 */
	struct vb2f *(*open)(void);
	void (*close)(struct vb2f *v);
	int (*stream)(struct vb2f *v, bool on);
	void (*submit)(struct vb2f *v, int out, int cap, unsigned int seed);
	void (*forget)(struct vb2f *v);	/* what has failed is no reference; may be NULL */
	void (*expect)(struct vb2f *v, int out, const struct hs_done *done);
	void (*spurious)(void);		/* and what the driver has to make of it */
	int longer_us;			/* the longest job that is far from the time-out */
	int sleep_us;			/* one that takes longer than system sleep, if it may */
};

int run_tests(const struct test_program *p, int argc, char **argv);

/* The one that runs */
extern const struct test_program *program;
extern const struct test *test;
extern const char *node;
extern bool fences;		/* must be there */

_Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *fmt, ...);
/* The test is not for this kernel. */
_Noreturn void skip(void);

#define CHECK(_cond, ...) do {						\
	if (!(_cond))							\
		fail(__VA_ARGS__);					\
} while (0)

#define DO(_call) ({							\
	long long _ret = (_call);					\
									\
	CHECK(_ret >= 0, "line %d: %s: %s", __LINE__, #_call,		\
	      strerrorname_np(-_ret) ?: "?");				\
	_ret;								\
})

bool listed(const char *names, const char *name);
bool fenced(void);		/* the node of this test has to have fences */
const char *device_of(const char *node);
long long ms_since(__u64 begin);

/* Knobs of the test's node. next_fault(): the next job has it; none after it. */
void set(const char *knob, long long value);
long long get(const char *knob);
void next_fault(const char *fault);

/* How long it has taken from a stuck job to its end: the worst one is printed. */
void worst(long long ms);

/* An interrupt without a reason; returns when it has been handled. */
void spurious(void);
long long interrupts(int *irq);

void bind_driver(bool bind);
void child_ends(pid_t pid);

/* The fence of a job that runs; -1 where there is none to be had. */
int take(const struct vb2f *v, int cap);
/* How a fence (or none, -1) ends; returns when it has, in ns. Closes it. */
__u64 fence_ends(int sync, int status);
/* Sleeps until @ms after @begin; nothing may have changed there then. */
void stays(const void *mem, size_t size, __u64 begin, int ms);
/* Allocations of pages, of this order and larger, fail in what this process does. */
void no_memory(bool on, int order);

#endif /* MODELS_TESTS_H */
